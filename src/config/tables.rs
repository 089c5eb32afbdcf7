//! The tables of settings as they are in force: what is set of each, or holds without being set.

use std::collections::BTreeSet;
use std::ffi::OsString;

use serde_json::{Map, Value};

use super::in_force::time;
use super::notation::written_step;
use super::settings::Settings;
use super::watch::{Poll, Watch};
use crate::dialects::node::NodeOptions;
use crate::errands::Hooks;
use crate::health::{HttpCheck, Scheme};
use crate::supervision::Rollout;
use crate::sys::launch::{Bounds, Limit, World};

/// What there is of it; nothing if that is nothing.
fn table<const N: usize>(entries: [(&str, Option<Value>); N]) -> Option<Value> {
    let table: Map<String, Value> =
        entries.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?))).collect();
    (!table.is_empty()).then_some(table.into())
}

fn words(command: &[OsString]) -> Value {
    command.iter().map(|word| word.to_string_lossy().into_owned()).collect()
}

pub(super) fn node(options: &NodeOptions) -> Value {
    let NodeOptions { preload, wait_ready, shutdown_message } = *options;
    serde_json::json!({ "preload": preload, "wait_ready": wait_ready, "shutdown_message": shutdown_message })
}

/// Nothing, if nothing is checked.
pub(super) fn health(settings: &Settings) -> Option<Value> {
    let (checks, health) = (settings.health.as_ref()?, settings.plan.rollout.health.as_ref()?);
    let of = |scheme: Scheme| checks.requests.iter().find(|check| check.scheme == scheme).map(request);
    table([
        ("http", of(Scheme::Http)),
        ("https", of(Scheme::Https)),
        ("command", checks.command.as_deref().map(words)),
        ("interval", Some(time(health.interval))),
        ("timeout", Some(time(checks.timeout))),
        ("rise", Some(health.rise.into())),
        ("fall", Some(health.fall.into())),
        ("min_healthy_time", Some(time(health.min_healthy))),
    ])
}

fn request(check: &HttpCheck) -> Value {
    let HttpCheck { scheme, path, host, headers, status, body, listeners } = check;
    if *check == HttpCheck::new(*scheme, path) {
        return path.clone().into();
    }
    let one_or_all = |mut values: Vec<Value>| if values.len() == 1 { values.remove(0) } else { values.into() };
    let headers: Map<String, Value> =
        headers.iter().map(|(name, value)| (name.clone(), value.clone().into())).collect();
    let status =
        (status[..] != [HttpCheck::GOOD]).then(|| status.iter().map(|range| range.to_string().into()).collect());
    let listeners = listeners.as_ref().map(|names| names.iter().map(|name| name.clone().into()).collect());
    let entries = table([
        ("path", Some(path.clone().into())),
        ("host", host.clone().map(Value::from)),
        ("headers", (!headers.is_empty()).then(|| headers.into())),
        ("status", status.map(one_or_all)),
        ("body", body.clone().map(Value::from)),
        ("listener", listeners.map(one_or_all)),
    ]);
    entries.unwrap_or_default()
}

pub(super) fn rollout(rollout: &Rollout) -> Value {
    let entries = table([
        ("strategy", Some(rollout.strategy.to_string().into())),
        ("steps", Some(rollout.steps.iter().map(written_step).collect())),
        ("auto_promote", rollout.auto_promote.map(time)),
        ("sticky", Some(rollout.sticky.into())),
        ("surge", Some(rollout.surge.into())),
        ("progress_deadline", rollout.progress_deadline.map(time)),
        ("error_budget", rollout.error_budget.map(|budget| budget.to_string().into())),
    ]);
    entries.unwrap_or_default()
}

/// Nothing, if nothing is run.
pub(super) fn hooks(hooks: &Hooks) -> Option<Value> {
    let Hooks { pre_reload, post_reload, on_failure, timeout, name: _ } = hooks;
    let commands = [pre_reload, post_reload, on_failure].map(|command| command.as_deref().map(words));
    let any = commands.iter().any(Option::is_some);
    let [pre_reload, post_reload, on_failure] = commands;
    table([
        ("pre_reload", pre_reload),
        ("post_reload", post_reload),
        ("on_failure", on_failure),
        ("timeout", any.then(|| time(*timeout))),
    ])
}

/// Nothing, if nothing is watched.
pub(super) fn watch(watch: &Watch) -> Option<Value> {
    let Watch { binary, paths, quiet, at_most_every, poll } = watch;
    if !*binary && paths.is_empty() {
        return None;
    }
    let paths: Vec<Value> = paths.iter().map(|path| path.to_string_lossy().into_owned().into()).collect();
    table([
        ("binary", Some((*binary).into())),
        ("paths", (!paths.is_empty()).then(|| paths.into())),
        ("quiet", Some(time(*quiet))),
        ("at_most_every", Some(time(*at_most_every))),
        (
            "poll",
            Some(match poll {
                Poll::WhereNeeded => "auto".into(),
                Poll::Never => false.into(),
                Poll::Every(every) => time(*every),
            }),
        ),
    ])
}

/// What is set of the table `process`.
pub(super) fn process(world: &World, inherit: Option<&BTreeSet<OsString>>) -> Option<Value> {
    let World { user, group, umask, nice, oom_score_adj, no_new_privs, limits } = world;
    let bound = |bound: Option<u64>| bound.map_or("unlimited".to_owned(), |bound| bound.to_string());
    let bounds = |Bounds { soft, hard }: &Bounds| format!("{}:{}", bound(*soft), bound(*hard));
    let named = |limit: &Limit| Limit::ALL.into_iter().find(|(_, it)| it == limit).map_or("", |(name, _)| name);
    let limits: Map<String, Value> =
        limits.iter().map(|(limit, it)| (named(limit).to_owned(), bounds(it).into())).collect();
    let inherited = inherit.map(|names| names.iter().map(|name| name.to_string_lossy().into_owned()).collect());
    let all = [
        ("user", user.clone().map(Value::from)),
        ("group", group.clone().map(Value::from)),
        ("umask", umask.map(|umask| format!("0{umask:o}").into())),
        ("nice", nice.map(Value::from)),
        ("oom_score_adj", oom_score_adj.map(Value::from)),
        ("no_new_privs", no_new_privs.then(|| true.into())),
        ("inherit_environment", inherited),
        ("limits", (!limits.is_empty()).then(|| limits.into())),
    ];
    table(all)
}

//! The status in numbers, for Prometheus: gauges from what is, counters from what was. What is gone has no number.

use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};

use super::office::Office;
use crate::control::model::{Generation, GenerationState, Listener, Status, WorkerState};
use crate::observe::Totals;
use crate::sys::usage;

type Labels = Vec<(&'static str, String)>;
type Number = Gauge<f64, std::sync::atomic::AtomicU64>;
type Numbers = Family<Labels, Number>;
type Counts = Family<Labels, Counter>;

pub(super) const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
pub(super) const PLAIN: &str = "text/plain; version=0.0.4; charset=utf-8";

/// How long reloads take, from the wish to the promotion.
pub(super) fn durations() -> Histogram {
    Histogram::new([0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0])
}

/// All of it, as OpenMetrics has it. Reads /proc: not for the loop.
pub(super) fn open_metrics(office: &Office, status: &Status) -> String {
    let mut registry = Registry::default();
    of_the_process(&mut registry, status);
    let ours = registry.sub_registry_with_prefix("heirloom");
    ours.register("build", "What runs", Info::new([("version", status.version.clone())]));
    of_reloads(ours, office.chronicle.told().history.totals(), office.chronicle.durations());
    one(
        ours,
        "serving_generation",
        "The generation that new connections go to; 0 if none",
        status.serving.unwrap_or(0),
    );
    let rollout = status.rollout.as_ref();
    let waits = rollout.is_some_and(|it| it.state == GenerationState::Held && it.until_seconds.is_none());
    let help = "Whether a generation is held until somebody promotes it";
    one(ours, "rollout_held", help, waits.into());
    one(
        ours,
        "rollout_paused",
        "Whether the clock of a rollout stands still",
        rollout.is_some_and(|it| it.paused).into(),
    );
    of_generations(ours, &status.generations);
    of_listeners(ours, &status.listeners);
    let mut text = String::new();
    encode(&mut text, &registry).expect("a text has room");
    text
}

fn of_the_process(registry: &mut Registry, status: &Status) {
    let started = status.started.0.duration_since(std::time::SystemTime::UNIX_EPOCH).unwrap_or_default();
    let help = "When the master was started";
    registry.register_with_unit("process_start_time", help, Unit::Seconds, number(started.as_secs_f64()));
    if let Some(usage) = usage::of_this_process() {
        let cpu = Counter::<f64, std::sync::atomic::AtomicU64>::default();
        cpu.inc_by(usage.cpu.as_secs_f64());
        registry.register_with_unit("process_cpu", "Processor time of the master", Unit::Seconds, cpu);
        let help = "Resident memory of the master";
        registry.register_with_unit("process_resident_memory", help, Unit::Bytes, number(usage.memory as f64));
    }
}

fn of_reloads(registry: &mut Registry, totals: Totals, durations: &Histogram) {
    let Totals { promoted, rejected, aborted, rolled_back, unhealthy, restarts, killed, passed, relayed, mended } =
        totals;
    let outcomes = [("promoted", promoted), ("rejected", rejected), ("aborted", aborted), ("rolled_back", rolled_back)];
    let help = "How reloads have ended; the first start is one, and what is rolled back was promoted before";
    counts(registry, "reloads", help, "outcome", &outcomes);
    let help = "How long it took from the wish for a generation to its promotion";
    registry.register_with_unit("reload_duration", help, Unit::Seconds, durations.clone());
    count(registry, "health_failures", "How often the health checks of a generation began to fail", unhealthy);
    count(registry, "worker_restarts", "Workers that took over the slot of one that had ended", restarts);
    count(registry, "workers_killed", "Workers that were killed because a grace was over", killed);
    let help = "Connections that came to where nobody accepted any more, and were served all the same";
    counts(registry, "late_connections", help, "how", &[("passed", passed), ("relayed", relayed)]);
    count(registry, "lanes_mended", "Lanes that a worker had shut, and that listen again", mended);
}

fn of_generations(registry: &mut Registry, generations: &[Generation]) {
    use WorkerState::{Draining, Killed, LameDuck, Ready, Starting, Waiting};
    let label = |it: &Generation| vec![("generation", it.id.to_string())];
    let workers = Numbers::default();
    for it in generations {
        for (state, name) in [
            (Waiting, "waiting"),
            (Starting, "starting"),
            (Ready, "ready"),
            (LameDuck, "lame_duck"),
            (Draining, "draining"),
            (Killed, "killed"),
        ] {
            let count = it.workers.iter().filter(|worker| worker.state == state).count();
            let labels = [label(it), vec![("state", name.to_owned())]].concat();
            workers.get_or_create(&labels).set(count as f64);
        }
    }
    registry.register("generation_workers", "Workers of each generation that is not gone", workers);
    let wanted = numbers(generations, label, |it| Some(f64::from(it.total)));
    registry.register("generation_workers_wanted", "How many workers each generation is to have", wanted);
    let share = numbers(generations, label, |it| Some(f64::from(it.share_percent) / 100.0));
    let help = "Which part of all new connections goes to each generation";
    registry.register("generation_share_ratio", help, share);
    let connections = numbers(generations, label, |it| Some(it.connections? as f64));
    registry.register("generation_connections", "Connections that workers hold who say so", connections);
    let memory = numbers(generations, label, |it| Some(it.rss_bytes? as f64));
    let help = "Resident memory of workers";
    registry.register_with_unit("generation_resident_memory", help, Unit::Bytes, memory);
    let cpu = numbers(generations, label, |it| it.cpu_seconds);
    let help = "Processor time of the workers that live; less when one of them ends";
    registry.register_with_unit("generation_cpu", help, Unit::Seconds, cpu);
    let age = numbers(generations, label, |it| Some(it.age_seconds));
    registry.register_with_unit("generation_age", "How long ago it began to rise", Unit::Seconds, age);
}

fn of_listeners(registry: &mut Registry, listeners: &[Listener]) {
    let label = |it: &Listener| vec![("listener", it.name.clone())];
    let queue = numbers(listeners, label, |it| Some(it.queue as f64));
    registry.register("listener_queue", "Connections that nobody has accepted yet", queue);
    let limit = numbers(listeners, label, |it| Some(it.queue_limit as f64));
    registry.register("listener_queue_limit", "How many can wait where new connections go", limit);
    let strangers = numbers(listeners, label, |it| Some(it.strangers.len() as f64));
    registry.register("listener_strangers", "Sockets of others that listen where we do", strangers);
    let free = numbers(listeners, label, |it| {
        Some(it.lanes.iter().filter(|lane| lane.state == crate::control::model::LaneState::Free).count() as f64)
    });
    registry.register("listener_free_lanes", "Lanes that the next generation can have", free);
    let overflows = Counts::default();
    for (it, count) in listeners.iter().filter_map(|it| Some((it, it.overflows?))) {
        overflows.get_or_create(&label(it)).inc_by(count);
    }
    registry.register("listener_overflows", "Connections that the kernel dropped because a queue was full", overflows);
}

fn number(value: f64) -> Number {
    let number = Number::default();
    number.set(value);
    number
}

fn one(registry: &mut Registry, name: &str, help: &str, value: u32) {
    registry.register(name, help, number(value.into()));
}

fn count(registry: &mut Registry, name: &str, help: &str, value: u64) {
    let counter: Counter = Counter::default();
    counter.inc_by(value);
    registry.register(name, help, counter);
}

fn counts(registry: &mut Registry, name: &str, help: &str, label: &'static str, values: &[(&str, u64)]) {
    let family = Counts::default();
    for (value, count) in values {
        family.get_or_create(&vec![(label, (*value).to_owned())]).inc_by(*count);
    }
    registry.register(name, help, family);
}

fn numbers<T>(all: &[T], label: impl Fn(&T) -> Labels, value: impl Fn(&T) -> Option<f64>) -> Numbers {
    let family = Numbers::default();
    for (it, value) in all.iter().filter_map(|it| Some((it, value(it)?))) {
        family.get_or_create(&label(it)).set(value);
    }
    family
}

/// The same for those who do not know OpenMetrics: there a counter is called what its sample is called.
pub(super) fn plain(open_metrics: &str) -> String {
    let kind = |line: &str| {
        let (name, kind) = line.strip_prefix("# TYPE ")?.split_once(' ')?;
        Some((name.to_owned(), kind.to_owned()))
    };
    let kinds: std::collections::BTreeMap<String, String> = open_metrics.lines().filter_map(kind).collect();
    let mut text = String::new();
    for line in open_metrics.lines().filter(|line| !line.starts_with("# UNIT ") && *line != "# EOF") {
        let about = ["# HELP ", "# TYPE "].into_iter().find_map(|what| Some((what, line.strip_prefix(what)?)));
        let Some((what, (name, rest))) = about.and_then(|(what, rest)| Some((what, rest.split_once(' ')?))) else {
            text.extend([line, "\n"]);
            continue;
        };
        let (suffix, rest) = match (kinds.get(name).map(String::as_str), what) {
            (Some("counter"), _) => ("_total", rest),
            (Some("info"), "# TYPE ") => ("_info", "gauge"),
            (Some("info"), _) => ("_info", rest),
            _ => ("", rest),
        };
        text.extend([what, name, suffix, " ", rest, "\n"]);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_counter_is_called_what_its_sample_is_called() {
        let open = "# HELP a_b Reloads.\n# TYPE a_b counter\na_b_total 1\n# HELP c What.\n# TYPE c info\nc_info{v=\"1\"} 1\n\
                    # HELP d_seconds D.\n# TYPE d_seconds gauge\n# UNIT d_seconds seconds\nd_seconds 1.5\n# EOF\n";
        let told = "# HELP a_b_total Reloads.\n# TYPE a_b_total counter\na_b_total 1\n\
                    # HELP c_info What.\n# TYPE c_info gauge\nc_info{v=\"1\"} 1\n\
                    # HELP d_seconds D.\n# TYPE d_seconds gauge\nd_seconds 1.5\n";
        assert_eq!(plain(open), told);
    }
}

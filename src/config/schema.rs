//! The config file as a JSON Schema, for editors that complete and check TOML by one.

use serde_json::{Map, Value, json};

use super::in_force;
use super::notation;
use super::reference::{Kind, OF_A_LISTENER, OF_A_REQUEST, REFERENCE, Setting};
use super::settings::Settings;
use super::values::{self, DIALECTS, MOST_WORKERS};
use crate::supervision::Strategy;
use crate::sys::launch::Limit;

/// The JSON Schema of the config file.
pub fn schema() -> Value {
    let defaults = Settings::default();
    let properties: Map<String, Value> = REFERENCE
        .iter()
        .map(|setting| {
            let mut property = described(setting);
            if let (Some(default), Value::Object(property)) = (in_force::value(setting.key, &defaults), &mut property) {
                property.insert("default".into(), default);
            }
            (setting.key.to_owned(), property)
        })
        .collect();
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "heirloom.toml",
        "description": "What `heirloom run` can be told",
        "type": "object",
        "properties": properties,
        "additionalProperties": false,
    })
}

fn described(setting: &Setting) -> Value {
    let mut value = of_kind(setting.kind);
    if let Value::Object(value) = &mut value {
        value.insert("description".into(), setting.about.into());
    }
    value
}

fn of_kind(kind: Kind) -> Value {
    let names = |names: &[&str]| json!({ "type": "string", "enum": names });
    match kind {
        Kind::Command => json!({
            "type": "array", "items": { "type": "string" }, "minItems": 1,
            "prefixItems": [{ "type": "string", "minLength": 1 }],
        }),
        Kind::Listen => json!({ "anyOf": [
            of_kind(Kind::Address),
            { "type": "object", "additionalProperties": { "anyOf": [of_kind(Kind::Address), table(&OF_A_LISTENER, &["address"])] } },
        ] }),
        Kind::Workers => {
            json!({ "anyOf": [{ "type": "integer", "minimum": 1, "maximum": MOST_WORKERS }, { "const": "auto" }] })
        }
        Kind::Text | Kind::Path => json!({ "type": "string", "minLength": 1 }),
        Kind::Variables => json!({ "type": "object", "additionalProperties": { "type": "string" } }),
        Kind::Lanes => json!({ "type": "integer", "minimum": 1, "maximum": 32 }),
        Kind::Time => json!({ "anyOf": [{ "type": "string", "pattern": values::TIME }, { "const": 0 }] }),
        Kind::Grace => json!({ "type": "string", "pattern": values::TIME }),
        Kind::Dialect => names(&DIALECTS.map(|(name, _)| name)),
        Kind::StopSignal => names(&values::STOP_SIGNALS),
        Kind::Mode => json!({ "type": "string", "pattern": "^(0o)?[0-7]{1,4}$" }),
        Kind::Boolean => json!({ "type": "boolean" }),
        Kind::Table(settings) => table(settings, &[]),
        Kind::Request => json!({ "anyOf": [{ "type": "string", "pattern": "^/" }, table(&OF_A_REQUEST, &[])] }),
        Kind::Statuses => {
            let one = json!({ "anyOf": [
                { "type": "integer", "minimum": 100, "maximum": 599 },
                { "type": "string", "pattern": notation::STATUS },
            ] });
            json!({ "anyOf": [one, { "type": "array", "items": one, "minItems": 1 }] })
        }
        Kind::Names => {
            let name = json!({ "type": "string", "minLength": 1 });
            json!({ "anyOf": [name, { "type": "array", "items": name, "minItems": 1 }] })
        }
        Kind::Strategy => json!({ "type": "string", "enum": Strategy::ALL }),
        Kind::Steps => json!({ "type": "array", "minItems": 1, "items": { "anyOf": [
            { "type": "integer", "minimum": 1, "maximum": 100 },
            { "type": "string", "pattern": notation::STEP },
        ] } }),
        Kind::Percentage => json!({ "anyOf": [
            { "type": "number", "exclusiveMinimum": 0, "maximum": 100 },
            { "type": "string", "pattern": notation::PERCENTAGE },
        ] }),
        Kind::Who => json!({ "anyOf": [{ "type": "string", "minLength": 1 }, { "type": "integer", "minimum": 0 }] }),
        Kind::Integer { least, most } => json!({ "type": "integer", "minimum": least, "maximum": most }),
        Kind::Inherit => {
            json!({ "anyOf": [{ "type": "boolean" }, { "type": "array", "items": { "type": "string" } }] })
        }
        Kind::Limits => json!({
            "type": "object", "propertyNames": { "enum": Limit::ALL.map(|(name, _)| name) },
            "additionalProperties": { "anyOf": [{ "type": "integer", "minimum": 0 }, { "type": "string" }] },
        }),
        Kind::Paths => json!({ "type": "array", "items": { "type": "string", "minLength": 1 } }),
        Kind::Poll => json!({ "anyOf": [{ "const": "auto" }, { "const": false }, of_kind(Kind::Grace)] }),
        Kind::Address => {
            json!({ "anyOf": [{ "type": "integer", "minimum": 0, "maximum": 65535 }, { "type": "string", "minLength": 1 }] })
        }
    }
}

fn table(settings: &[Setting], required: &[&str]) -> Value {
    let properties: Map<String, Value> =
        settings.iter().map(|setting| (setting.key.to_owned(), described(setting))).collect();
    json!({ "type": "object", "properties": properties, "required": required, "additionalProperties": false })
}

#[cfg(test)]
mod tests {
    use super::super::document::SETTINGS;
    use super::super::listeners::KEYS;
    use super::super::reference::{OF_A_PROCESS, OF_A_ROLLOUT, OF_A_WATCH, OF_HEALTH, OF_HOOKS, OF_NODE};
    use super::super::{health, hooks, node, rollout, watch, world};
    use super::*;

    #[test]
    fn every_key_known_to_the_parser_is_known_to_the_schema_and_the_other_way_round() {
        assert_eq!(REFERENCE.map(|setting| setting.key), SETTINGS);
        assert_eq!(OF_A_LISTENER.map(|setting| setting.key), KEYS);
        assert_eq!(OF_A_PROCESS.map(|setting| setting.key), world::KEYS);
        assert_eq!(OF_HEALTH.map(|setting| setting.key), health::KEYS);
        assert_eq!(OF_A_REQUEST.map(|setting| setting.key), health::OF_A_REQUEST);
        assert_eq!(OF_A_ROLLOUT.map(|setting| setting.key), rollout::KEYS);
        assert_eq!(OF_NODE.map(|setting| setting.key), node::KEYS);
        assert_eq!(OF_HOOKS.map(|setting| setting.key), hooks::KEYS);
        assert_eq!(OF_A_WATCH.map(|setting| setting.key), watch::KEYS);
        let schema = schema();
        let keys = |of: &Value| of["properties"].as_object().expect("a table").keys().cloned().collect::<Vec<_>>();
        let sorted = |keys: &[&str]| {
            let mut keys: Vec<String> = keys.iter().map(ToString::to_string).collect();
            keys.sort();
            keys
        };
        assert_eq!(keys(&schema), sorted(&SETTINGS));
        assert_eq!(
            keys(&schema["properties"]["listen"]["anyOf"][1]["additionalProperties"]["anyOf"][1]),
            sorted(&KEYS)
        );
        assert_eq!(keys(&schema["properties"]["process"]), sorted(&world::KEYS));
    }

    #[test]
    fn names_that_the_schema_allows_are_read() {
        for name in values::STOP_SIGNALS {
            name.parse::<values::StopSignal>().expect("it is a stop signal");
        }
        assert_eq!(schema()["properties"]["lanes"]["default"], 4);
        assert_eq!(schema()["properties"]["settle"]["default"], "1s");
        assert_eq!(schema()["properties"]["env_file"].get("default"), None);
    }
}

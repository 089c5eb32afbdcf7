//! The committed OpenAPI description, held against the model's types.

use serde_json::{Value, json};

use crate::control::model::{
    Abort, Answer, History, Missed, Pause, Problem, Promote, Reload, Resume, Rollback, Scale, Sockets, Status, Stop,
};

/// What the types say: one schema for each, by name.
fn schemas() -> Value {
    let mut generator = schemars::generate::SchemaSettings::draft2020_12()
        .with(|settings| settings.definitions_path = "/components/schemas".into())
        .into_generator();
    generator.subschema_for::<Status>();
    generator.subschema_for::<History>();
    generator.subschema_for::<Sockets>();
    generator.subschema_for::<Reload>();
    generator.subschema_for::<Promote>();
    generator.subschema_for::<Rollback>();
    generator.subschema_for::<Pause>();
    generator.subschema_for::<Resume>();
    generator.subschema_for::<Abort>();
    generator.subschema_for::<Scale>();
    generator.subschema_for::<Stop>();
    generator.subschema_for::<Answer>();
    generator.subschema_for::<Problem>();
    generator.subschema_for::<Missed>();
    Value::Object(generator.take_definitions(true))
}

fn reference(name: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{name}") })
}

fn content(kind: &str, schema: Value) -> Value {
    json!({ kind: { "schema": schema } })
}

fn answer(what: &str, kind: &str, schema: Value) -> Value {
    json!({ "description": what, "content": content(kind, schema) })
}

fn problem(what: &str) -> Value {
    answer(what, "application/problem+json", reference("Problem"))
}

fn seen(what: &str, schema: &str) -> Value {
    json!({ "get": {
        "operationId": schema.to_lowercase(),
        "summary": what,
        "responses": {
            "200": answer(what, "application/json", reference(schema)),
            "400": problem("There are no parameters here."),
            "503": problem("The master has ended."),
        },
    }})
}

fn parameter(name: &str, what: &str, schema: Value) -> Value {
    json!({ "name": name, "in": "query", "description": what, "required": false, "schema": schema })
}

fn followed(operation: &str, what: &str, own: &[Value]) -> Value {
    let (id, count) = (
        json!({ "type": "integer", "minimum": 0, "maximum": u64::MAX }),
        json!({ "type": "integer", "minimum": 0, "maximum": u32::MAX }),
    );
    let mut parameters = vec![
        parameter("since", "Only what came after the event with this id.", id),
        parameter("last", "Begin with the last so many of what is still known.", count),
        parameter("follow", "Go on with what happens, for ever.", json!({ "type": "boolean", "default": false })),
    ];
    parameters.extend_from_slice(own);
    let text = json!({ "type": "string" });
    let lines = "One object a line; or server-sent events, if they are accepted, which begin after `Last-Event-ID`.";
    json!({ "get": {
        "operationId": operation,
        "summary": what,
        "parameters": parameters,
        "responses": {
            "200": { "description": lines, "content": {
                "application/x-ndjson": { "schema": text },
                "text/event-stream": { "schema": text },
            }},
            "400": problem("A parameter makes no sense."),
            "503": problem("Too many follow events already."),
        },
    }})
}

fn asked(what: &str, schema: &str, needed: bool) -> Value {
    json!({ "post": {
        "operationId": schema.to_lowercase(),
        "summary": what,
        "requestBody": { "required": needed, "content": content("application/json", reference(schema)) },
        "responses": {
            "200": answer("It went well.", "application/json", reference("Answer")),
            "202": answer("It is still going on.", "application/json", reference("Answer")),
            "409": answer("It was rejected, rolled back or refused.", "application/json", reference("Answer")),
            "400": problem("The body makes no sense."),
            "408": problem("The body did not come in time."),
            "413": problem("The body is too long."),
            "415": problem("The body is something else than JSON."),
            "503": problem("Too many callers wait already, or the master has ended."),
        },
    }})
}

fn healthy(operation: &str, what: &str) -> Value {
    let text = || json!({ "type": "string" });
    json!({ "get": {
        "operationId": operation,
        "summary": what,
        "responses": {
            "200": answer("Yes.", "text/plain", text()),
            "503": answer("No, and why not.", "text/plain", text()),
        },
    }})
}

fn description() -> Value {
    let number = || json!({ "type": "integer", "minimum": 0, "maximum": u32::MAX });
    let lines =
        parameter("lines", "The lines that workers write as well.", json!({ "type": "boolean", "default": false }));
    let generation = parameter("generation", "Only what this generation writes.", number());
    let slot = parameter("slot", "Only what this slot writes.", number());
    let text = || json!({ "type": "string" });
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "heirloom's control socket",
            "version": "1",
            "description": "HTTP/1.1 on a Unix socket, for root, the master's user and a group if one is named; others get 403. \
                            Fields may be added: ignore what you do not know.",
            "license": { "name": "MIT OR Apache-2.0" },
        },
        "servers": [{ "url": "http://heirloom", "description": "curl --unix-socket /run/heirloom/NAME.sock" }],
        "paths": {
            "/v1/status": seen("All that is, at one instant.", "Status"),
            "/v1/history": seen("What became of each generation.", "History"),
            "/v1/sockets": seen("All listeners, with who holds each lane.", "Sockets"),
            "/v1/events": followed("events", "What happens, as `heirloom run -o json` prints it.", &[lines]),
            "/v1/logs": followed("logs", "The lines that workers write.", &[generation, slot]),
            "/v1/reload": asked("Raise a new generation, and tell what becomes of it.", "Reload", false),
            "/v1/promote": asked("Let the generation go on that is held, or has a share.", "Promote", false),
            "/v1/rollback": asked("Go back to a generation that served.", "Rollback", false),
            "/v1/pause": asked("Stop the clock of the generation that rises.", "Pause", false),
            "/v1/resume": asked("Let that clock run again.", "Resume", false),
            "/v1/abort": asked("Give up the generation that rises.", "Abort", false),
            "/v1/scale": asked("Have so many workers, or so many more or less.", "Scale", true),
            "/v1/stop": asked("End everything.", "Stop", true),
            "/metrics": { "get": {
                "operationId": "metrics",
                "summary": "The status in numbers, for Prometheus.",
                "responses": { "200": { "description": "OpenMetrics if it is accepted, else the plain format.", "content": {
                    "application/openmetrics-text": { "schema": text() },
                    "text/plain": { "schema": text() },
                }}, "503": problem("The master has ended.") },
            }},
            "/livez": healthy("livez", "Does the master answer?"),
            "/readyz": healthy("readyz", "Does a generation serve?"),
            "/startupz": healthy("startupz", "Has a generation ever served?"),
        },
        "components": { "schemas": schemas() },
    })
}

/// `HEIRLOOM_WRITE=1 cargo test --lib description` writes it anew.
#[test]
fn the_committed_description_is_what_the_types_say() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/openapi.json");
    let text = format!("{}\n", serde_json::to_string_pretty(&description()).expect("it is JSON"));
    if std::env::var_os("HEIRLOOM_WRITE").is_some() {
        std::fs::write(path, &text).expect("it is ours");
    }
    let committed = std::fs::read_to_string(path).expect("it is there");
    assert!(
        committed == text,
        "docs/openapi.json is not what the types say: HEIRLOOM_WRITE=1 cargo test --lib description"
    );
}

//! Cases about making instances of a component, and about what it says to parameters.

use super::component::properties;
use super::{advise, case, expect, joined};
use crate::subject::{Subject, Tried};
use crate::{Case, Outcome};
use serde_json::{Map, Value, json};
use std::time::{Duration, Instant};
use topwork_host::Kind;

/// What creating an instance may take.
const QUICK: Duration = Duration::from_secs(1);

pub const CASES: &[Case] = &[
    case!(
        "create-defaults",
        &Kind::ALL,
        "an instance can be made without parameters, or with those given",
        defaults
    ),
    case!(
        "create-quick",
        &Kind::ALL,
        "making another instance takes less than a second",
        quick
    ),
    case!(
        "create-each-default",
        &Kind::ALL,
        "every default can be given as a parameter, alone and with the others",
        each_default
    ),
    case!(
        "create-unknown-key",
        &Kind::ALL,
        "a parameter that nobody knows is refused",
        unknown_key
    ),
    case!(
        "create-wrong-type",
        &Kind::ALL,
        "a parameter of another type is refused",
        wrong_type
    ),
    case!(
        "create-error-text",
        &Kind::ALL,
        "a refusal says why, in one line of UTF-8, lowercase and without a final period",
        error_text
    ),
    case!(
        "create-again-and-again",
        &Kind::ALL,
        "a hundred instances can be made and released, one after the other",
        again_and_again
    ),
    case!(
        "create-two",
        &Kind::ALL,
        "instances live side by side and are released in any order",
        two
    ),
    case!(
        "create-on-threads",
        &Kind::ALL,
        "threads can make instances at the same time",
        on_threads
    ),
    case!(
        "create-elsewhere",
        &Kind::ALL,
        "an instance can be made on one thread and released on another",
        elsewhere
    ),
    case!(
        "extension-unknown",
        &Kind::ALL,
        "there is no table for an ability that nobody knows",
        unknown_extension
    ),
    case!(
        beyond "create-no-json",
        &Kind::ALL,
        "parameters that are no JSON object are refused",
        no_json
    ),
    case!(
        beyond "create-null-error",
        &Kind::ALL,
        "a refusal without a place for its text is still a refusal",
        null_error
    ),
];

fn defaults(subject: &Subject) -> Tried<Outcome> {
    subject.create().map(|_| Outcome::Ok)
}

fn quick(subject: &Subject) -> Tried<Outcome> {
    // The first may have to start what all of them share, such as an interpreter.
    let instance = subject.create()?;
    let start = Instant::now();
    drop(subject.create()?);
    let taken = start.elapsed();
    drop(instance);
    advise(taken < QUICK, || {
        format!(
            "{:.1} s; heavy work belongs to the first call that needs it",
            taken.as_secs_f64()
        )
    })?;
    Ok(Outcome::Ok)
}

fn each_default(subject: &Subject) -> Tried<Outcome> {
    subject.create()?;
    let given = subject.parameters();
    let mut all = given.clone();
    for (name, property) in properties(&subject.component()?.schema) {
        let Some(default) = property.get("default") else {
            continue;
        };
        if given.contains_key(&name) {
            continue;
        }
        all.insert(name.clone(), default.clone());
        let mut one = given.clone();
        one.insert(name.clone(), default.clone());
        (subject.create_with(&json!(one))).map_err(|error| {
            Outcome::Failed(format!(
                "with `{name}` given as its default {default}: {error}"
            ))
        })?;
    }
    (subject.create_with(&json!(all)))
        .map_err(|error| Outcome::Failed(format!("with all defaults given: {error}")))?;
    Ok(Outcome::Ok)
}

/// Parameters that end in a refusal, if the plugin looks at all.
fn with_unknown_key(subject: &Subject) -> Map<String, Value> {
    let mut parameters = subject.parameters();
    parameters.insert("no-such-parameter".to_owned(), json!(1));
    parameters
}

fn unknown_key(subject: &Subject) -> Tried<Outcome> {
    subject.create()?;
    let refused = subject.create_with(&json!(with_unknown_key(subject))).err();
    let refused = refused.map(|error| (error.kind(), error.to_string()));
    match refused {
        None => Err(Outcome::Warning("it is taken".to_owned())),
        Some((topwork_host::ErrorKind::Parameters, _)) => Ok(Outcome::Ok),
        Some((_, error)) => Err(Outcome::Failed(format!(
            "expected the status BAD_PARAMETERS: {error}"
        ))),
    }
}

fn wrong_type(subject: &Subject) -> Tried<Outcome> {
    subject.create()?;
    let mut taken = Vec::new();
    for (name, property) in properties(&subject.component()?.schema) {
        // What hardly any parameter is. Null is left alone: an experiment has no way to say it.
        for wrong in [json!({"is": "wrong"}), json!([[["wrong"]]])] {
            if super::component::validator(&property)?.is_valid(&wrong) {
                continue;
            }
            let mut parameters = subject.parameters();
            parameters.insert(name.clone(), wrong.clone());
            match subject.create_with(&json!(parameters)) {
                Ok(_) => taken.push(format!("`{name}` = {wrong}")),
                Err(error) if error.kind() == topwork_host::ErrorKind::Plugin => {
                    return Err(Outcome::Failed(format!("with `{name}` = {wrong}: {error}")));
                }
                Err(_) => {}
            }
        }
    }
    advise(taken.is_empty(), || {
        format!("taken all the same: {}", taken.join(", "))
    })?;
    Ok(Outcome::Ok)
}

fn error_text(subject: &Subject) -> Tried<Outcome> {
    let bare = subject.bare()?;
    let parameters = json!(with_unknown_key(subject)).to_string();
    let (said, instance) = bare.create(parameters.as_bytes(), true);
    if instance.is_some() {
        return Err(Outcome::Skipped("it refuses nothing".to_owned()));
    }
    let text = String::from_utf8(said.error)
        .map_err(|error| Outcome::Failed(format!("the text is not UTF-8: {error}")))?;
    let first = text.lines().next().unwrap_or_default();
    advise(!first.trim().is_empty(), || "there is no text".to_owned())?;
    let odd = first.chars().find(|c| c.is_control());
    expect(odd.is_none(), || {
        format!("the text has a control character: {first:?}")
    })?;
    advise(!first.ends_with('.'), || {
        format!("`{first}` ends with a period")
    })?;
    let mut letters = first.chars();
    let shouts = letters.next().is_some_and(char::is_uppercase)
        && letters.next().is_some_and(char::is_lowercase);
    advise(!shouts, || {
        format!("`{first}` begins with a capital letter")
    })?;
    Ok(Outcome::Ok)
}

fn again_and_again(subject: &Subject) -> Tried<Outcome> {
    for _ in 0..100 {
        subject.create()?;
    }
    Ok(Outcome::Ok)
}

fn two(subject: &Subject) -> Tried<Outcome> {
    let (first, second) = (subject.create()?, subject.create()?);
    drop(first);
    let third = subject.create()?;
    drop(third);
    drop(second);
    Ok(Outcome::Ok)
}

fn on_threads(subject: &Subject) -> Tried<Outcome> {
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    for _ in 0..5 {
                        subject.create()?;
                    }
                    Ok(())
                })
            })
            .collect();
        for thread in threads {
            joined(thread)?;
        }
        Ok(Outcome::Ok)
    })
}

fn elsewhere(subject: &Subject) -> Tried<Outcome> {
    let instance = subject.create()?;
    std::thread::scope(|scope| {
        joined(scope.spawn(move || {
            drop(instance);
            Ok(Outcome::Ok)
        }))
    })
}

fn unknown_extension(subject: &Subject) -> Tried<Outcome> {
    let bare = subject.bare()?;
    for id in ["no.such.ability/9", "", "topwork.classifier.save/99"] {
        expect(bare.offers(id) != Some(true), || {
            format!("it has a table for `{id}`")
        })?;
    }
    Ok(Outcome::Ok)
}

fn no_json(subject: &Subject) -> Tried<Outcome> {
    let bare = subject.bare()?;
    let deep = format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000));
    let texts: [&[u8]; 9] = [
        b"null",
        b"[]",
        b"\"text\"",
        b"{",
        b"{\"a\"",
        b"{} {}",
        b"\xff\xfe",
        b"{\"\\ud800\": 1}",
        deep.as_bytes(),
    ];
    for text in texts {
        let shown = String::from_utf8_lossy(&text[..text.len().min(20)]).into_owned();
        let (said, instance) = bare.create(text, true);
        expect(!said.is_panic(), || format!("{shown:?} ends in a panic"))?;
        advise(instance.is_none(), || format!("{shown:?} is taken"))?;
    }
    Ok(Outcome::Ok)
}

fn null_error(subject: &Subject) -> Tried<Outcome> {
    let bare = subject.bare()?;
    let parameters = json!(with_unknown_key(subject)).to_string();
    let (said, instance) = bare.create(parameters.as_bytes(), false);
    expect(!said.is_panic(), || "it panics".to_owned())?;
    advise(instance.is_none() && said.is_bad_parameters(), || {
        format!("status {}, expected that of wrong parameters", said.status)
    })?;
    Ok(Outcome::Ok)
}

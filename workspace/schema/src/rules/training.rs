//! What the settings of one `train` table say together.

use crate::diagnostics::{Diagnostic, Diagnostics};
use crate::refusal::Refusal;
use crate::training::{Loss, Optimizer, Schedule, Train};
use crate::tree::Node;
use crate::written::WrittenTrain;

/// Checks the table. A setting that would be ignored is a mistake, not a detail.
pub(crate) fn check(written: &WrittenTrain, diagnostics: &mut Diagnostics) {
    let mut refusals = Vec::new();
    steps(written, &mut refusals, diagnostics);
    if let Some(train) = &written.train {
        momentum(train, &mut refusals);
        warm_up(train, &mut refusals);
        if train.loss != Some(Loss::Huber) {
            refusals.push(Refusal {
                key: "huber-delta",
                problem: " goes with the loss `huber` alone".to_owned(),
                label: "has no effect",
                hint: "remove it, or write loss = \"huber\"",
            });
        }
        if train.patience.is_some() && train.validation == 0.0 {
            refusals.push(Refusal {
                key: "patience",
                problem: " needs a `validation` above 0".to_owned(),
                label: "nothing to watch",
                hint: "the samples held out say when to stop, for example validation = 0.1",
            });
        }
    }
    for refusal in refusals {
        refusal.push(&written.path, &written.node, diagnostics);
    }
}

/// The keys of the schedule `step` come with it and only with it.
fn steps(written: &WrittenTrain, refusals: &mut Vec<Refusal>, diagnostics: &mut Diagnostics) {
    let schedule = written.node.get("schedule");
    let word = schedule.and_then(Node::text).unwrap_or("constant");
    if word != "step" {
        refusals.extend(["step-every", "step-factor"].map(|key| Refusal {
            key,
            problem: format!(" has no effect with the schedule `{word}`"),
            label: "has no effect",
            hint: "remove it, or write schedule = \"step\"",
        }));
    } else if written.node.get("step-every").is_none() {
        let message = format!("missing key `step-every` in `{}`", written.path);
        let missing = Diagnostic::new(message, schedule.map(|node| node.span.clone()));
        diagnostics.push(missing.label("changes after how many epochs?").hint(
            "`step-every`: epochs from one change of the learning rate to the next, for example \
             step-every = 2"
                .to_owned(),
        ));
    }
}

fn momentum(train: &Train, refusals: &mut Vec<Refusal>) {
    let mut idle = |key, why: String, hint| {
        refusals.push(Refusal {
            key,
            problem: format!(" has no effect {why}"),
            label: "has no effect",
            hint,
        });
    };
    if train.optimizer == Optimizer::Sgd {
        if train.nesterov && train.momentum == 0.0 {
            let why = "without a `momentum` above 0".to_owned();
            let hint = "remove it, or write a momentum, for example momentum = 0.9";
            idle("nesterov", why, hint);
        }
    } else {
        let used = [
            ("momentum", train.momentum > 0.0),
            ("nesterov", train.nesterov),
        ];
        for (key, _) in used.into_iter().filter(|(_, used)| *used) {
            let why = format!("with the optimizer `{}`", train.optimizer.as_str());
            idle(key, why, "remove it, or write optimizer = \"sgd\"");
        }
    }
}

fn warm_up(train: &Train, refusals: &mut Vec<Refusal>) {
    let Train {
        warm_up, epochs, ..
    } = train;
    if *warm_up == 0.0 {
        return;
    }
    if train.schedule == Schedule::OneCycle {
        refusals.push(Refusal {
            key: "warm-up",
            problem: " does not go with the schedule `one-cycle`, which begins with a rise of its \
                      own"
            .to_owned(),
            label: "a second rise",
            hint: "remove it, or use another schedule: `constant`, `step`, `cosine`",
        });
    } else if *warm_up >= *epochs as f64 {
        refusals.push(Refusal {
            key: "warm-up",
            problem: format!(": expected fewer than `epochs` ({epochs}), found {warm_up}"),
            label: "too long",
            hint: "the full learning rate would never be reached",
        });
    }
}

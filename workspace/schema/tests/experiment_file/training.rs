//! Good files that say how layers are trained, and the multiplier every layer gets.

use std::path::Path;

use proptest::prelude::*;
use proptest::strategy::Strategy as _;
use topwork_schema::{
    Augment, ClassWeights, Draft, LayerPattern, Normalise, Optimizer, Plan, Schedule, Start,
    Strategy, StrategyKind, Train,
};

use crate::catalog::{SMALL, catalog};

/// A file that uses every key of training.
pub const DETAILED: &str = r#"name = "detailed"

[backbone]
use = "lenet"

[source]
dataset = { use = "mnist", classes = [0, 1, 2], normalise = { mean = [0.1307], std = [0.3081] } }
head = { use = "mlp", hidden = [500] }

[source.train]
epochs = 3
optimizer = "sgd"
momentum = 0.9
nesterov = true
schedule = "step"
step-every = 2
step-factor = 0.5
warm-up = 0.5
label-smoothing = 0.1
class-weights = [1, 2.5, 1]
clip-norm = 5
validation = 0.1
patience = 2
augment = { shift = 2, rotate = 10, flip = false, crop = 1 }

[target]
dataset = { use = "mnist", classes = [5, 6, 7, 8, 9] }
cut = "features"

[[strategy]]
name = "fine-tuned"
kind = "fine-tune"
head = { use = "mlp", hidden = [500] }
train = { epochs = 4, optimizer = "adamw", schedule = "cosine", class-weights = "balanced" }
learning-rate-multipliers = { "1..=2" = "none", pool1 = 0, head = 1.0, "4.." = 0.1 }
unfreeze-after = 1
"#;

fn plan(text: &str) -> Plan {
    Draft::read("experiment.toml", text, Path::new("/home/x"))
        .check(&catalog())
        .unwrap_or_else(|mistakes| panic!("{mistakes}\n{text}"))
}

/// The plan of a file, which must be that of the file written out again.
fn stable_plan(text: &str) -> Plan {
    let first = plan(text);
    let written = first.to_toml();
    assert_eq!(plan(&written), first, "{written}");
    first
}

fn source_train(settings: &str) -> Train {
    let text = SMALL.replace("{ epochs = 3 }", &format!("{{ epochs = 3, {settings} }}"));
    stable_plan(&text).experiment.source.unwrap().train
}

/// The small file with its first strategy fine-tuned for 4 epochs, cut after 7 layers.
fn fine_tuned(keys: &str) -> String {
    SMALL
        .replace("\"frozen-backbone\"", &format!("\"fine-tune\"\n{keys}"))
        .replace("{ epochs = 1 }", "{ epochs = 4 }")
}

fn strategy(text: &str) -> Strategy {
    stable_plan(text).experiment.strategies.remove(0)
}

#[test]
fn what_is_left_out_changes_nothing() {
    let train = source_train("batch-size = 64");
    let expected = Train {
        epochs: 3,
        batch_size: 64,
        optimizer: Optimizer::Adam,
        learning_rate: 1e-3,
        momentum: 0.0,
        nesterov: false,
        weight_decay: 0.0,
        schedule: Schedule::Constant,
        warm_up: 0.0,
        label_smoothing: 0.0,
        class_weights: None,
        clip_norm: None,
        validation: 0.0,
        patience: None,
        augment: None,
        loss: None,
        huber_delta: None,
    };
    assert_eq!(train, expected);
}

#[test]
fn a_detailed_file_reads_as_it_is_written() {
    let plan = stable_plan(DETAILED);
    let json = serde_json::to_string(&plan).unwrap();
    assert_eq!(serde_json::from_str::<Plan>(&json).unwrap(), plan);
    let multipliers: Vec<(String, f64)> = plan.experiment.strategies[0]
        .multipliers
        .iter()
        .map(|(pattern, multiplier)| (pattern.to_string(), *multiplier))
        .collect();
    let expected = [("..=2", 0.0), ("pool1", 0.0), ("head", 1.0), ("4..", 0.1)];
    assert_eq!(
        multipliers,
        expected.map(|(text, number)| (text.to_owned(), number))
    );
}

#[test]
fn every_setting_arrives() {
    type Check = fn(&Train) -> bool;
    let cases: [(&str, Check); 15] = [
        ("optimizer = \"adamw\"", |t| t.optimizer == Optimizer::AdamW),
        (
            "optimizer = \"sgd\", momentum = 0.9, nesterov = true",
            |t| t.optimizer == Optimizer::Sgd && t.nesterov,
        ),
        ("weight-decay = 0.01", |t| t.weight_decay == 0.01),
        ("schedule = \"step\", step-every = 2", |t| {
            let (every, factor) = (2, 0.1);
            t.schedule == Schedule::Step { every, factor }
        }),
        (
            "schedule = \"step\", step-every = 1, step-factor = 0.5",
            |t| {
                let (every, factor) = (1, 0.5);
                t.schedule == Schedule::Step { every, factor }
            },
        ),
        ("schedule = \"cosine\", warm-up = 0.25", |t| {
            t.schedule == Schedule::Cosine && t.warm_up == 0.25
        }),
        ("schedule = \"one-cycle\"", |t| {
            t.schedule == Schedule::OneCycle
        }),
        ("label-smoothing = 0.1", |t| t.label_smoothing == 0.1),
        ("class-weights = \"balanced\"", |t| {
            t.class_weights == Some(ClassWeights::Balanced)
        }),
        ("class-weights = [1, 2, 2, 1, 0.5]", |t| {
            let weights = vec![1.0, 2.0, 2.0, 1.0, 0.5];
            t.class_weights == Some(ClassWeights::Listed(weights))
        }),
        ("clip-norm = 1", |t| t.clip_norm == Some(1.0)),
        ("validation = 0.2", |t| {
            t.validation == 0.2 && t.patience.is_none()
        }),
        ("validation = 0.9, patience = 2", |t| t.patience == Some(2)),
        (
            "augment = { shift = 2, rotate = 15, flip = true, crop = 4 }",
            |t| {
                let (shift, rotate, flip, crop) = (2, 15.0, true, 4);
                t.augment
                    == Some(Augment {
                        shift,
                        rotate,
                        flip,
                        crop,
                    })
            },
        ),
        ("augment = { shift = 0, flip = false }", |t| {
            t.augment.is_none()
        }),
    ];
    for (settings, arrived) in cases {
        let train = source_train(settings);
        assert!(arrived(&train), "{settings}: {train:?}");
    }
}

#[test]
fn samples_are_normalised_where_the_dataset_says_so() {
    let text = SMALL.replacen(
        "use = \"mnist\"",
        "use = \"mnist\", normalise = { mean = [0.1307], std = [0.3081] }",
        1,
    );
    let experiment = stable_plan(&text).experiment;
    let (mean, std) = (vec![0.1307], vec![0.3081]);
    let source = experiment.source.unwrap().dataset;
    assert_eq!(source.normalise, Some(Normalise { mean, std }));
    assert!(source.component.parameters.is_empty());
    assert_eq!(experiment.target.dataset.normalise, None);
}

#[test]
fn training_from_scratch_needs_no_source() {
    let source = SMALL.find("[source]").unwrap()..SMALL.find("[target]").unwrap();
    let mut text = SMALL.replace("\"frozen-backbone\"", "\"from-scratch\"");
    text.replace_range(source, "");
    let text = &text[..text.rfind("[[strategy]]").unwrap()];
    let strategy = strategy(text);
    assert_eq!(
        (strategy.kind, strategy.weights),
        (StrategyKind::FromScratch, Start::Random)
    );
    let names = ["a", "b"];
    assert_eq!(strategy.multipliers(&names, &names), Ok(vec![1.0; 4]));
}

#[test]
fn fine_tuning_begins_with_the_weights_it_is_told() {
    let strategy_with = |keys| strategy(&fine_tuned(keys));
    let plain = strategy_with("");
    assert_eq!(
        (plain.kind, plain.weights, plain.unfreeze_after),
        (StrategyKind::FineTune, Start::Source, None)
    );
    assert_eq!(strategy_with("weights = \"random\"").weights, Start::Random);
    assert_eq!(strategy_with("unfreeze-after = 3").unfreeze_after, Some(3));
}

/// The trunk is LeNet's seven layers, the head has three.
#[test]
fn the_first_pattern_that_matches_gives_the_multiplier() {
    let trunk = [
        "conv1", "relu1", "pool1", "conv2", "relu2", "pool2", "flatten",
    ];
    let head = ["hidden1", "relu1", "classes"];
    let cases: [(&str, [f64; 10]); 11] = [
        ("", [1.0; 10]),
        (
            "{ \"8..=10\" = 1.0, \"*\" = 0.0 }",
            [0., 0., 0., 0., 0., 0., 0., 1., 1., 1.],
        ),
        (
            "{ head = 1.0, \"*\" = \"none\" }",
            [0., 0., 0., 0., 0., 0., 0., 1., 1., 1.],
        ),
        ("{ \"3\" = 5 }", [1., 1., 5., 1., 1., 1., 1., 1., 1., 1.]),
        (
            "{ \"3..=5\" = 0.5 }",
            [1., 1., 0.5, 0.5, 0.5, 1., 1., 1., 1., 1.],
        ),
        (
            "{ \"..=2\" = 0, \"6..\" = 2 }",
            [0., 0., 1., 1., 1., 2., 2., 2., 2., 2.],
        ),
        ("{ conv2 = 0.1 }", [1., 1., 1., 0.1, 1., 1., 1., 1., 1., 1.]),
        (
            "{ conv2 = 0.1, \"2..=5\" = 0.2, \"..=9\" = 0.3 }",
            [0.3, 0.2, 0.2, 0.1, 0.2, 0.3, 0.3, 0.3, 0.3, 1.],
        ),
        // The trunk's layer, although the head has one of this name.
        ("{ relu1 = 3 }", [1., 3., 1., 1., 1., 1., 1., 1., 1., 1.]),
        (
            "{ \"9\" = 4, head = 2 }",
            [1., 1., 1., 1., 1., 1., 1., 2., 4., 2.],
        ),
        // A range that begins within the network may end beyond it.
        (
            "{ \"9..=99\" = 4 }",
            [1., 1., 1., 1., 1., 1., 1., 1., 4., 4.],
        ),
    ];
    for (written, expected) in cases {
        let keys = match written {
            "" => String::new(),
            table => format!("learning-rate-multipliers = {table}"),
        };
        let multipliers = strategy(&fine_tuned(&keys)).multipliers(&trunk, &head);
        assert_eq!(multipliers, Ok(expected.to_vec()), "{written}");
    }
}

#[test]
fn what_only_the_head_can_tell_is_told_by_the_head() {
    let trunk = [
        "conv1", "relu1", "pool1", "conv2", "relu2", "pool2", "flatten",
    ];
    let cases = [
        (
            "{ \"12..\" = 2 }",
            "`12..` matches nothing, because the network ends with layer 9 (7 in the trunk)",
        ),
        (
            "{ \"8..=9\" = 2, head = 1 }",
            "`head` matches nothing, because `8..=9` comes before it and the first match counts",
        ),
    ];
    for (written, expected) in cases {
        let strategy = strategy(&fine_tuned(&format!(
            "learning-rate-multipliers = {written}"
        )));
        let error = strategy
            .multipliers(&trunk, &["hidden1", "classes"])
            .unwrap_err();
        assert_eq!(error.to_string(), expected);
    }
}

fn pattern() -> impl proptest::strategy::Strategy<Value = LayerPattern> {
    prop_oneof![
        (1..9usize, prop::option::of(0..9usize)).prop_map(|(from, length)| LayerPattern::Numbers {
            from,
            to: length.map(|length| from + length),
        }),
        (0..4usize).prop_map(|layer| LayerPattern::Name(format!("layer{layer}"))),
        Just(LayerPattern::Head),
        Just(LayerPattern::All),
    ]
}

/// Whether a pattern stands for a layer, said as plainly as it can be.
fn matches(pattern: &LayerPattern, layer: usize, trunk: usize) -> bool {
    match pattern {
        LayerPattern::Numbers { from, to } => layer >= *from && to.is_none_or(|to| layer <= to),
        LayerPattern::Name(name) => layer <= trunk && *name == format!("layer{layer}"),
        LayerPattern::Head => layer > trunk,
        LayerPattern::All => true,
    }
}

proptest! {
    #[test]
    fn a_pattern_reads_as_it_is_written(pattern in pattern()) {
        prop_assert_eq!(pattern.to_string().parse::<LayerPattern>(), Ok(pattern));
    }

    #[test]
    fn no_pattern_makes_it_panic(text in "([0-9]|\\.|=|\\*|head|-|\\+|é){0,25}") {
        if let Ok(pattern) = text.parse::<LayerPattern>() {
            prop_assert_eq!(pattern.to_string().parse::<LayerPattern>(), Ok(pattern));
        }
    }

    #[test]
    fn multipliers_are_the_first_match_of_every_layer(
        patterns in prop::collection::vec((pattern(), 0.0..4.0f64), 0..5),
        trunk in 1..4usize,
        head in 1..4usize,
    ) {
        let mut strategy = strategy(&fine_tuned(""));
        strategy.multipliers = patterns.clone();
        let names: Vec<String> = (1..=trunk).map(|layer| format!("layer{layer}")).collect();
        let first = |layer| patterns.iter().position(|(p, _)| matches(p, layer, trunk));
        let owners: Vec<Option<usize>> = (1..=trunk + head).map(first).collect();
        let idle = (0..patterns.len()).find(|place| !owners.contains(&Some(*place)));
        match strategy.multipliers(&names, &vec![""; head]) {
            Ok(multipliers) => {
                prop_assert_eq!(idle, None);
                let expected: Vec<f64> =
                    owners.iter().map(|owner| owner.map_or(1.0, |place| patterns[place].1)).collect();
                prop_assert_eq!(multipliers, expected);
            }
            Err(mistake) => {
                let idle = &patterns[idle.unwrap()].0;
                prop_assert!(mistake.to_string().starts_with(&format!("`{idle}` ")), "{}", mistake);
            }
        }
    }

    #[test]
    fn a_training_written_out_reads_as_the_same(
        optimizer in prop::sample::select(vec!["\"adam\"", "\"adamw\"", "\"sgd\", momentum = 0.5", "\"sgd\", momentum = 0.5, nesterov = true"]),
        schedule in prop::sample::select(vec!["\"constant\"", "\"step\", step-every = 3", "\"step\", step-every = 1, step-factor = 0.3", "\"cosine\"", "\"one-cycle\""]),
        warm_up in 0.0..3.0f64,
        smoothing in 0.0..1.0f64,
        weights in prop::option::of(prop::collection::vec(0.001..100.0f64, 5)),
        norm in prop::option::of((prop::num::f32::POSITIVE | prop::num::f32::NORMAL).prop_map(f64::from)),
        validation in 0.001..=0.9f64,
        patience in prop::option::of(1..100u64),
        shift in 0..28u64,
        rotate in 0.0..=180.0f64,
        flip in any::<bool>(),
        crop in 0..28u64,
    ) {
        let mut settings = vec![
            format!("optimizer = {optimizer}, schedule = {schedule}, label-smoothing = {smoothing:?}"),
            format!("validation = {validation:?}"),
            format!("augment = {{ shift = {shift}, rotate = {rotate:?}, flip = {flip}, crop = {crop} }}"),
        ];
        if !schedule.contains("one-cycle") {
            settings.push(format!("warm-up = {warm_up:?}"));
        }
        settings.extend(weights.as_ref().map(|weights| format!("class-weights = {weights:?}")));
        settings.extend(norm.map(|norm| format!("clip-norm = {norm:?}")));
        settings.extend(patience.map(|epochs| format!("patience = {epochs}")));
        let train = source_train(&settings.join(", "));
        prop_assert_eq!(train.label_smoothing, smoothing);
        prop_assert_eq!(train.clip_norm, norm);
        prop_assert_eq!(train.class_weights, weights.map(ClassWeights::Listed));
    }

    #[test]
    fn no_edit_of_a_detailed_file_makes_it_panic(
        from in 0..DETAILED.len(),
        length in 0usize..12,
        with in "(\\PC|\n|[0-9]|=|\\[|\\]|\"|\\{|\\}|,|\\.|-|true|nan|\\*|head|none){0,4}",
    ) {
        let mut text = DETAILED.to_owned();
        text.replace_range(from..(from + length).min(DETAILED.len()), &with);
        let draft = Draft::read("experiment.toml", &text, Path::new("/nowhere"));
        match draft.check(&catalog()) {
            Ok(plan) => prop_assert!(!plan.target_classes.is_empty()),
            Err(mistakes) => prop_assert!(!mistakes.render(false).is_empty()),
        }
    }
}

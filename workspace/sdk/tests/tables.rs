//! A plugin with one component of each kind, driven through its tables: what authors return, what they do wrong, and what a
//! careless host might do to them.
#![allow(unsafe_code, reason = "a careless host calls the tables by hand")]
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests too")]

use serde::Deserialize;
use serde_json::{Value, json};
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use topwork_sdk::drive::{Driver, TestHost};
use topwork_sdk::{
    Backbone, BatchNorm, Blueprint, Classifier, Component, Conv2d, Dataset, Description, Error,
    ErrorKind, Facts, Features, FitOptions, FitReport, Host, Layer, Level, NetworkHead,
    NoParameters, Pool2d, SavedClassifier, Scores, Split, abi, backbone, classifier, dataset,
    export_plugin, network_head, saved_classifier,
};

export_plugin! {
    id: "sampler",
    licence: "MIT",
    components: [
        dataset::<Ramp>(),
        backbone::<Chain>(),
        network_head::<Line>(),
        classifier::<Same>(),
        saved_classifier::<Kept>(),
    ],
}

/// Samples of two numbers, 10 · index and 10 · index + 1. Its parameter says what goes wrong.
struct Ramp {
    host: Host,
    fault: String,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct RampParameters {
    fault: String,
}

/// Instances of `Ramp` that have panicked while they were dropped.
static PANICKED_IN_DROP: AtomicUsize = AtomicUsize::new(0);

impl Component for Ramp {
    const ID: &str = "ramp";
    const ABOUT: &str = "rising numbers";
    const SCHEMA: &str = r#"{"type": "object", "properties": {"fault": {"type": "string"}}}"#;
    type Parameters = RampParameters;

    fn create(host: Host, parameters: RampParameters) -> Result<Self, Error> {
        let fault = parameters.fault;
        match &*fault {
            "refuse" => Err(Error::parameters("`fault` is \"refuse\"").with_hint("leave it out")),
            "create-panic" => panic!("at once"),
            _ => Ok(Ramp { host, fault }),
        }
    }
}

impl Drop for Ramp {
    fn drop(&mut self) {
        if self.fault == "drop-panic" {
            PANICKED_IN_DROP.fetch_add(1, Ordering::SeqCst);
            panic!("too late");
        }
    }
}

/// A panic without a text.
struct Wordless;

impl Dataset for Ramp {
    type Element = f32;

    fn description(&self) -> Result<Description, Error> {
        let split = |name: &str, len| Split {
            name: name.to_owned(),
            len,
        };
        if self.fault == "undescribed" {
            return Err(Error::data("no file").with_hint("look elsewhere"));
        }
        Ok(Description {
            classes: vec!["even".to_owned(), "odd".to_owned()],
            shape: [1, 1, 2],
            splits: vec![split("train", 6), split("test", 3)],
        })
    }

    fn labels(&self, split: usize) -> Result<Vec<u32>, Error> {
        let len = match &*self.fault {
            "short" => 2,
            "long" => 1000,
            _ => [6, 3][split],
        };
        Ok((0..len).map(|index| index % 2).collect())
    }

    fn read(&self, _: usize, indices: &[u64], samples: &mut [f32]) -> Result<(), Error> {
        match &*self.fault {
            "panic" => panic!("sample {} is missing", indices[0]),
            "wordless" => std::panic::panic_any(Wordless),
            "data" => return Err(Error::data("no\nsuch file")),
            "ask" => {
                self.host.log(Level::Info, "asked");
                self.host.progress(1, 3, "samples");
                assert_eq!(self.host.threads(), 2);
                assert_eq!(self.host.cache_folder()?, PathBuf::from("/cache"));
                self.host.check_stop()?;
                self.host.find_data("no/such/file")?;
            }
            _ => {}
        }
        for (sample, &index) in samples.chunks_exact_mut(2).zip(indices) {
            sample.copy_from_slice(&[10.0 * index as f32, 10.0 * index as f32 + 1.0]);
        }
        Ok(())
    }
}

struct Chain;

impl Component for Chain {
    const ID: &str = "chain";
    const ABOUT: &str = "every layer there is";
    const SCHEMA: &str = NoParameters::SCHEMA;
    type Parameters = NoParameters;

    fn create(_: Host, _: NoParameters) -> Result<Self, Error> {
        Ok(Chain)
    }
}

impl Backbone for Chain {
    fn blueprint(&self) -> Result<Blueprint, Error> {
        let strided = Conv2d::new(2, [3, 1]).stride([2, 1]).padding([0, 1]);
        let depthwise = Conv2d::new(2, [3, 3]).padding([2, 2]).dilation([2, 2]);
        let depthwise = depthwise.groups(2).without_bias();
        let by_side = Conv2d::new(2, [2, 2]).padding_by_side([0, 1, 1, 0]);
        // A map of 3×4 takes 3 rows and 2 columns of zeros: of 3, one above; of 2, one left.
        let same = Conv2d::new(2, [5, 5]).stride([2, 3]).same_padding([6, 12]);
        let norm = BatchNorm {
            epsilon: 1e-3,
            momentum: 0.01,
            ..BatchNorm::USUAL
        };
        let pool = Pool2d::new([2, 2]).stride([1, 2]);
        Ok(Blueprint::new(&[3, 8, 9])
            .cut("nothing before it")
            .layer("first", Layer::conv2d(4, [3, 3]))
            .layer("second", Layer::Conv2d(strided))
            .cut("middle")
            .layer("relu", Layer::Relu)
            .layer("pool", Layer::max_pool2d([1, 2]))
            .layer("drop", Layer::Dropout { rate: 0.5 })
            .layer("depthwise", Layer::Conv2d(depthwise))
            .layer("norm", Layer::batch_norm2d())
            .layer("other norm", Layer::BatchNorm2d(norm))
            .layer_from(&["other norm", "drop"], "sum", Layer::Add)
            .layer("relu6", Layer::Relu6)
            .layer("squeeze", Layer::GlobalAvgPool2d)
            .layer("gelu", Layer::Gelu)
            .layer("silu", Layer::Silu)
            .layer("sigmoid", Layer::Sigmoid)
            .layer_from(&["relu6", "sigmoid"], "product", Layer::Multiply)
            .layer_from(&["product", "drop"], "joined", Layer::Concat)
            .layer("by side", Layer::Conv2d(by_side))
            .layer("same", Layer::Conv2d(same))
            .layer("tanh", Layer::Tanh)
            .layer("average", Layer::avg_pool2d([1, 1]))
            .layer("padded", Layer::MaxPool2d(pool.padding([1, 0])))
            .layer("flatten", Layer::Flatten)
            .layer("hidden", Layer::linear(7))
            .cut("end")
            .cut("also the end")
            .ignore_weights(&["fc.*"])
            .rename_weights("features.*", "*"))
    }
}

struct Line;

impl Component for Line {
    const ID: &str = "line";
    const ABOUT: &str = "one linear layer";
    const SCHEMA: &str = NoParameters::SCHEMA;
    type Parameters = NoParameters;

    fn create(_: Host, _: NoParameters) -> Result<Self, Error> {
        Ok(Line)
    }
}

impl NetworkHead for Line {
    fn layers(&self, feature_shape: &[usize], classes: usize) -> Result<Blueprint, Error> {
        match feature_shape {
            [_] => Ok(Blueprint::new(feature_shape).layer("line", Layer::linear(classes))),
            shape => Err(Error::parameters(format!("features of shape {shape:?}"))),
        }
    }
}

/// Scores are the first feature, times the greatest label of the fit, plus the class.
struct Same {
    factor: f32,
}

impl Component for Same {
    const ID: &str = "same";
    const ABOUT: &str = "a simple rule";
    const SCHEMA: &str = NoParameters::SCHEMA;
    type Parameters = NoParameters;

    fn create(_: Host, _: NoParameters) -> Result<Self, Error> {
        Ok(Same { factor: 0.0 })
    }
}

impl Classifier for Same {
    fn fit(
        &mut self,
        features: Features<'_>,
        labels: &[u32],
        classes: usize,
        options: FitOptions,
    ) -> Result<FitReport, Error> {
        self.factor = labels.iter().copied().max().unwrap_or(0) as f32;
        Ok(FitReport {
            converged: options.threads == 1,
            iterations: options.seed,
            parameters: (features.dimensions() * classes) as u64,
            note: format!("{} samples", features.samples()),
        })
    }

    fn predict(
        &self,
        features: Features<'_>,
        classes: usize,
        scores: &mut [f32],
    ) -> Result<(), Error> {
        let rows = features.data().chunks_exact(features.dimensions());
        for (row, scores) in rows.zip(scores.chunks_exact_mut(classes)) {
            for (class, score) in scores.iter_mut().enumerate() {
                *score = row[0] * self.factor + class as f32;
            }
        }
        Ok(())
    }
}

/// As `Same`, but its state can be kept.
struct Kept(Same);

impl Component for Kept {
    const ID: &str = "kept";
    const ABOUT: &str = "a simple rule that can be kept";
    const SCHEMA: &str = NoParameters::SCHEMA;
    type Parameters = NoParameters;

    fn create(host: Host, parameters: NoParameters) -> Result<Self, Error> {
        Same::create(host, parameters).map(Kept)
    }
}

impl Classifier for Kept {
    fn fit(
        &mut self,
        features: Features<'_>,
        labels: &[u32],
        classes: usize,
        options: FitOptions,
    ) -> Result<FitReport, Error> {
        self.0.fit(features, labels, classes, options)
    }

    fn facts(&self) -> Result<Facts, Error> {
        let factor = f64::from(self.0.factor);
        Ok(Facts::default()
            .number("factor", factor)
            .number("half", factor / 4.0)
            .text("rule", "product"))
    }

    fn predict(
        &self,
        features: Features<'_>,
        classes: usize,
        scores: &mut [f32],
    ) -> Result<(), Error> {
        self.0.predict(features, classes, scores)
    }

    fn scores(&self) -> Result<Scores, Error> {
        match self.0.factor {
            0.0 => Err(Error::failed("nothing was fitted")),
            _ => Ok(Scores::Logits),
        }
    }
}

impl SavedClassifier for Kept {
    fn save(&self) -> Result<Vec<u8>, Error> {
        Ok(self.0.factor.to_le_bytes().to_vec())
    }

    fn load(&mut self, state: &[u8]) -> Result<(), Error> {
        let bytes = state
            .try_into()
            .map_err(|_| Error::data(format!("{} bytes of state, expected 4", state.len())))?;
        self.0.factor = f32::from_le_bytes(bytes);
        Ok(())
    }
}

const OPTIONS: FitOptions = FitOptions {
    seed: 7,
    threads: 1,
};

fn driver() -> Driver {
    Driver::new(&PLUGIN, &TestHost::new())
}

fn told(error: &Error) -> String {
    let hint = error.hint().map(|hint| format!(" (hint: {hint})"));
    format!("{:?}: {error}{}", error.kind(), hint.unwrap_or_default())
}

#[test]
fn components_are_listed_without_making_any() {
    let listed = driver().list().unwrap();
    let kinds: Vec<(u32, &str)> = listed.iter().map(|c| (c.kind.0, &*c.id)).collect();
    let expected = [
        (1, "ramp"),
        (10, "chain"),
        (30, "line"),
        (31, "same"),
        (31, "kept"),
    ];
    assert_eq!(kinds, expected);
    assert_eq!(listed[2].about, "one linear layer");
    assert_eq!(listed[2].schema["additionalProperties"], json!(false));
}

#[test]
fn a_dataset_is_described_and_read() {
    let dataset = driver().dataset("ramp", &json!({})).unwrap();
    assert_eq!(dataset.description().classes, ["even", "odd"]);
    assert_eq!(dataset.description().shape, [1, 1, 2]);
    assert_eq!(dataset.description().splits[1].len, 3);
    assert_eq!(dataset.labels("test").unwrap(), [0, 1, 0]);
    let samples: Vec<f32> = dataset.read("test", &[2, 0, 2]).unwrap();
    assert_eq!(samples, [20.0, 21.0, 0.0, 1.0, 20.0, 21.0]);
    let none: Vec<f32> = dataset.read("test", &[]).unwrap();
    assert!(none.is_empty());
}

#[test]
fn what_goes_wrong_in_a_plugin_becomes_a_status_and_a_text() {
    let read = |fault: &str| -> Result<Vec<f32>, Error> {
        let dataset = driver().dataset("ramp", &json!({ "fault": fault }))?;
        dataset.read("train", &[4])
    };
    let faults = [
        "refuse",
        "create-panic",
        "undescribed",
        "panic",
        "wordless",
        "data",
    ];
    let mut messages: Vec<String> = faults.map(|fault| told(&read(fault).unwrap_err())).into();
    let of = |parameters: Value| told(&driver().dataset("ramp", &parameters).err().unwrap());
    messages.push(of(json!({"fault": 3})));
    messages.push(of(json!({"flaw": "panic"})));
    insta::assert_snapshot!(messages.join("\n"));
}

#[test]
fn more_labels_than_there_is_room_for_are_counted_but_not_written() {
    for (fault, expected) in [("", 6), ("short", 2), ("long", 6)] {
        let dataset = driver()
            .dataset("ramp", &json!({ "fault": fault }))
            .unwrap();
        // The driver's own vector has room for six.
        assert_eq!(dataset.labels("train").unwrap().len(), expected);
    }
}

#[test]
fn a_component_talks_to_the_host_that_created_it() {
    let host = TestHost::new().cache_folder("/cache");
    let other = TestHost::new().cache_folder("/cache").stop_at(0);
    let ask = |host: &TestHost| {
        let dataset = Driver::new(&PLUGIN, host).dataset("ramp", &json!({"fault": "ask"}));
        let read: Result<Vec<f32>, Error> = dataset.unwrap().read("train", &[0]);
        read.unwrap_err()
    };
    let missing = ask(&host);
    assert_eq!(missing.kind(), ErrorKind::Data);
    assert!(missing.to_string().contains("no/such/file"));
    assert_eq!(ask(&other).kind(), ErrorKind::Stopped);
    assert_eq!(
        (host.lines(), host.progress()),
        (vec!["3: asked".to_owned()], 1)
    );
}

#[test]
fn networks_are_json() {
    let chain = driver().backbone("chain", &json!({})).unwrap();
    let blueprint = chain.blueprint().unwrap();
    insta::assert_snapshot!(blueprint.to_string().replace("},", "},\n"));
    let line = driver().network_head("line", &json!({})).unwrap();
    let layers = line.layers(&[9], 4).unwrap();
    let expected = json!({
        "format": 1, "input": [9], "layers": [{"name": "line", "op": "linear", "units": 4}]
    });
    assert_eq!(layers, expected);
    let error = line.layers(&[1, 2, 3], 4).unwrap_err();
    assert_eq!(told(&error), "Parameters: features of shape [1, 2, 3]");
}

#[test]
fn classifiers_are_fitted_and_kept() {
    let features = Features::new(&[1.0, 0.0, 2.0, 0.0], 2).unwrap();
    for id in ["same", "kept"] {
        let mut classifier = driver().classifier(id, &json!({})).unwrap();
        let report = classifier.fit(features, &[0, 2], 3, OPTIONS).unwrap();
        let expected = FitReport {
            converged: true,
            iterations: 7,
            parameters: 6,
            note: "2 samples".to_owned(),
        };
        assert_eq!(report, expected);
        let scores = classifier.predict(features, 3).unwrap();
        assert_eq!(scores, [2.0, 3.0, 4.0, 4.0, 5.0, 6.0]);
        let expected = match id {
            "same" => Scores::Ranking,
            _ => Scores::Logits,
        };
        assert_eq!(classifier.scores().unwrap(), expected);
        let expected = match id {
            "same" => json!({}),
            _ => json!({"factor": 2, "half": 0.5, "rule": "product"}),
        };
        assert_eq!(Value::Object(classifier.facts().unwrap()), expected);
        let error = classifier.fit(features, &[0, 3], 3, OPTIONS).unwrap_err();
        assert_eq!(told(&error), "Call: label 3, expected less than 3");
        match (id, classifier.save()) {
            ("kept", state) => {
                let mut other = driver().classifier(id, &json!({})).unwrap();
                let error = other.scores().unwrap_err();
                assert_eq!(told(&error), "Failed: nothing was fitted");
                other.load(&state.unwrap()).unwrap();
                assert_eq!(other.predict(features, 3).unwrap(), scores);
                let error = other.load(&[1, 2]).unwrap_err();
                assert_eq!(told(&error), "Data: 2 bytes of state, expected 4");
            }
            (_, refused) => assert_eq!(refused.unwrap_err().kind(), ErrorKind::Unsupported),
        }
    }
}

#[test]
fn features_are_a_matrix() {
    for (count, dimensions) in [(0, 3), (4, 0), (5, 2)] {
        let data = vec![0.0; count];
        assert_eq!(
            Features::new(&data, dimensions).unwrap_err().kind(),
            ErrorKind::Call
        );
    }
}

#[test]
fn instances_are_dropped_once_and_a_panic_on_the_way_ends_there() {
    let parameters = json!({"fault": "drop-panic"});
    let dataset = driver().dataset("ramp", &parameters).unwrap();
    assert_eq!(PANICKED_IN_DROP.load(Ordering::SeqCst), 0);
    drop(dataset);
    assert_eq!(PANICKED_IN_DROP.load(Ordering::SeqCst), 1);
}

#[test]
fn null_pointers_and_short_tables_are_refused() {
    // SAFETY: the entry was made by the macro.
    let component = unsafe { &**PLUGIN.entry().components };
    let null_sink: *const abi::Sink = std::ptr::null();
    let create = component.create.unwrap();
    let parameters = abi::Text::new("{}");
    let mut instance: abi::Instance = std::ptr::null_mut();
    let mut short = abi::DatasetDescription {
        size: 8,
        channels: 0,
        height: 0,
        width: 0,
        element: abi::Element(0),
        abilities: 0,
        classes: std::ptr::null(),
        class_count: 0,
        splits: std::ptr::null(),
        split_count: 0,
    };
    // SAFETY: a dataset has this table.
    let table = unsafe { &*component.table.cast::<abi::DatasetTable>() };
    // SAFETY: null is what the functions must bear; the short table is long enough for its size.
    let statuses = unsafe {
        [
            create(std::ptr::null(), parameters, &raw mut instance, null_sink),
            create(
                std::ptr::null(),
                parameters,
                std::ptr::null_mut(),
                null_sink,
            ),
            table.describe.unwrap()(std::ptr::null_mut(), &raw mut short, null_sink),
            table.labels.unwrap()(
                std::ptr::null_mut(),
                0,
                std::ptr::null_mut(),
                0,
                std::ptr::null_mut(),
                null_sink,
            ),
            table.read.unwrap()(
                std::ptr::null_mut(),
                0,
                std::ptr::null(),
                1,
                std::ptr::null_mut(),
                8,
                null_sink,
            ),
        ]
    };
    assert_eq!(statuses, [abi::Status::BAD_CALL; 5]);
    assert!(instance.is_null());
    // SAFETY: nothing is allowed to be destroyed.
    unsafe { component.destroy.unwrap()(std::ptr::null_mut()) };
}

//! Any bytes are the state of a training, which it then gives back, or they leave it as it was.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use topwork_engine::{Blueprint, Compute, Network, Optimizer, Part, Stream, TrainSettings, Trainer};

static COMPUTE: LazyLock<Compute> = LazyLock::new(|| Compute::new(1).expect("a thread"));

fuzz_target!(|bytes: &[u8]| {
    let json = r#"{"format": 1, "input": [3], "layers": [{"name": "logits", "op": "linear", "units": 2}]}"#;
    let blueprint = Blueprint::parse(json).expect("a sound blueprint");
    let network = Network::init(&blueprint, &mut Stream::new(1, "init"));
    let settings = TrainSettings::new(Optimizer::ADAM, 1e-3);
    let parts = vec![Part::trained(network)];
    let mut trainer = Trainer::new(&COMPUTE, parts, settings, Stream::new(1, "dropout")).expect("a trainer");
    trainer.step(&[0.1, 0.2, 0.3], &[1]).expect("a step");
    let before = trainer.state().expect("a state");
    match trainer.restore(bytes) {
        Ok(()) => {
            let state = trainer.state().expect("a state that was read can be written");
            trainer.restore(&state).expect("a state that was written can be read");
            assert_eq!(trainer.state().expect("a state"), state);
            let _ = trainer.step(&[0.1, 0.2, 0.3], &[1]);
        }
        Err(error) => {
            assert!(!error.to_string().is_empty());
            assert_eq!(trainer.state().expect("a state"), before);
        }
    }
});

//! Files that earlier versions have written: read, and written again to the byte.

use super::*;

const SMALL: &str = r#"{"format": 1, "input": [3], "layers": [
    {"name": "hidden", "op": "linear", "units": 2},
    {"name": "dropout", "op": "dropout", "rate": 0.25},
    {"name": "logits", "op": "linear", "units": 2}]}"#;

#[test]
fn weights_and_states_are_the_same_bytes() {
    let weights = include_bytes!("stored/weights.safetensors");
    let state = include_bytes!("stored/trainer.safetensors");
    let mut read = network(SMALL, 7);
    read.load_safetensors(weights).unwrap();
    assert_eq!(read.to_safetensors().unwrap(), weights);
    let compute = Compute::new(1).unwrap();
    let mut resumed = trainer(
        &compute,
        vec![part(read, true)],
        settings(Optimizer::ADAM, 0.1),
    );
    assert_ne!(resumed.state().unwrap(), state);
    resumed.restore(state).unwrap();
    assert_eq!(resumed.state().unwrap(), state);
}

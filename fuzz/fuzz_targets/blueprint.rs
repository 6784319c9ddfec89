//! Any text is a network whose every cut is a network, too, or it is refused.
#![no_main]

use libfuzzer_sys::fuzz_target;
use topwork_engine::Blueprint;

fuzz_target!(|json: &str| {
    match Blueprint::parse(json) {
        Ok(network) => {
            assert_eq!(network.summary().len(), network.layers().len());
            for layers in 1..=network.layers().len() {
                if let Ok(trunk) = network.keep(layers) {
                    assert_eq!(trunk.layers().len(), layers);
                    assert!(trunk.output().elements() > 0);
                }
            }
            for cut in network.cuts() {
                assert!(network.cut(&cut.name).is_some_and(|layers| layers <= network.layers().len()));
            }
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
});

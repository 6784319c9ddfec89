//! The plugin keeps to the threads that it is granted. Alone in its process, as rayon's own pool belongs to the process.

use serde_json::json;
use topwork_plugin_classifiers::PLUGIN;
use topwork_sdk::drive::{Driver, TestHost};
use topwork_sdk::{Features, FitOptions};

#[test]
fn no_call_starts_the_pool_that_takes_every_core() {
    let driver = Driver::new(&PLUGIN, &TestHost::new().threads(1));
    let new = || {
        driver
            .classifier("logistic-regression", &json!({}))
            .unwrap()
    };
    let features: Vec<f32> = (0..3000).map(|number| (number % 7) as f32).collect();
    let labels: Vec<u32> = (0..1000).map(|sample| sample % 2).collect();
    let features = Features::new(&features, 3).unwrap();
    let options = FitOptions {
        seed: 1,
        threads: 1,
    };
    let mut fitted = new();
    fitted.fit(features, &labels, 2, options).unwrap();
    fitted.predict(features, 2).unwrap();
    let mut loaded = new();
    loaded.load(&fitted.save().unwrap()).unwrap();
    loaded.predict(features, 2).unwrap();
    // This fails when the pool has been started already.
    rayon::ThreadPoolBuilder::new().build_global().unwrap();
}

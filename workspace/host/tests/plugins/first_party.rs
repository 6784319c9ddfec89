//! The plugins that come with topwork, through the host.

use crate::stage::{folder_with, load, redact};
use serde_json::json;
use topwork_host::{FitOptions, Pixel, Plugins};

const ALL: [&str; 7] = [
    "topwork_plugin_arrays",
    "topwork_plugin_classifiers",
    "topwork_plugin_convnet",
    "topwork_plugin_image_folder",
    "topwork_plugin_lenet",
    "topwork_plugin_mlp",
    "topwork_plugin_resnet",
];

fn all() -> (tempfile::TempDir, Plugins) {
    let folder = folder_with(&ALL);
    let (plugins, _) = load(&[folder.path()]);
    (folder, plugins)
}

#[test]
fn they_are_listed() {
    let (folder, plugins) = all();
    assert_eq!(plugins.skipped(), []);
    let mut lines = Vec::new();
    for plugin in plugins.list() {
        assert_eq!(plugin.sha256.len(), 64);
        assert_eq!(plugin.notes, [""; 0]);
        lines.push(format!(
            "{} {} ({}) from {}",
            plugin.id,
            plugin.version,
            plugin.licence,
            plugin.path.display()
        ));
        for component in &plugin.components {
            let kind = serde_json::to_string(&component.kind).unwrap();
            lines.push(format!("  {kind} {}: {}", component.id, component.about));
            let parameters = component.schema["properties"].as_object().unwrap();
            let names: Vec<&str> = parameters.keys().map(String::as_str).collect();
            lines.push(format!("    parameters: {}", names.join(", ")));
        }
    }
    insta::assert_snapshot!(redact(&lines.join("\n"), folder.path()));
}

#[test]
fn threads_may_share_everything() {
    fn shared<T: Send + Sync>() {}
    shared::<Plugins>();
    shared::<topwork_host::Dataset>();
    shared::<topwork_host::Decoder>();
    shared::<topwork_host::Backbone>();
    shared::<topwork_host::NetworkHead>();
    shared::<topwork_host::Classifier>();
    shared::<topwork_host::HostError>();
}

#[test]
fn mnist_is_read_as_numbers_from_0_to_1() {
    let (_folder, plugins) = all();
    let mnist = plugins.dataset("mnist", &json!({})).unwrap();
    let info = mnist.describe();
    assert_eq!((info.pixel, info.shape), (Pixel::U8, [1, 28, 28]));
    assert_eq!(mnist.labels("test").unwrap()[..5], [7, 2, 1, 0, 4]);
    // More than one block, so that the seams are seen as well.
    let indices: Vec<u64> = (0..700).map(|index| index * 3 % 10_000).collect();
    let mut together = vec![f32::NAN; indices.len() * 784];
    mnist.read("test", &indices, &mut together).unwrap();
    assert!(together.iter().all(|pixel| (0.0..=1.0).contains(pixel)));
    assert!(together.contains(&1.0));
    for (&index, expected) in indices.iter().zip(together.chunks(784)).step_by(97) {
        let mut alone = vec![f32::NAN; 784];
        mnist.read("test", &[index], &mut alone).unwrap();
        assert_eq!(alone, expected);
    }
}

#[test]
fn a_digit_in_a_file_is_the_digit_of_the_dataset() {
    let (folder, plugins) = all();
    let parameters = json!({"size": [28, 28], "channels": 1});
    let decoder = plugins
        .decoder("image-folder", &parameters)
        .unwrap()
        .unwrap();
    assert_eq!(decoder.shape(), [1, 28, 28]);
    let mnist = plugins.dataset("mnist", &json!({})).unwrap();
    let path = folder.path().join("a digit é.png");
    for index in [0, 1, 4711, 9999] {
        let mut expected = vec![f32::NAN; 784];
        mnist.read("test", &[index], &mut expected).unwrap();
        let bytes: Vec<u8> = expected.iter().map(|pixel| (pixel * 255.0) as u8).collect();
        let file = std::fs::File::create(&path).unwrap();
        let mut encoder = png::Encoder::new(file, 28, 28);
        encoder.set_color(png::ColorType::Grayscale);
        let mut writer = encoder.write_header().unwrap();
        writer.write_image_data(&bytes).unwrap();
        writer.finish().unwrap();
        let mut decoded = vec![0.0; 784];
        decoder.decode(&path, &mut decoded).unwrap();
        assert_eq!(decoded, expected, "digit {index}");
    }
    let none = plugins.decoder("mnist", &json!({})).unwrap();
    assert!(none.is_none(), "the files of mnist are no samples");
    let error = plugins.decoder("image-folder", &json!({})).err().unwrap();
    assert!(
        error.to_string().contains("missing field `size`"),
        "{error}"
    );
    let error = plugins.decoder("no-such", &json!({})).err().unwrap();
    assert!(error.to_string().contains("there is no dataset `no-such`"));
}

#[test]
fn lenet_and_mlp_describe_networks() {
    let (_folder, plugins) = all();
    let lenet = plugins.backbone("lenet", &json!({})).unwrap();
    let blueprint = lenet.blueprint().unwrap();
    assert!(blueprint.starts_with("{\"format\":1,\"input\":[1,28,28],\"layers\":["));
    let mlp = plugins
        .network_head("mlp", &json!({"hidden": [7]}))
        .unwrap();
    let layers = mlp.layers(&[50, 4, 4], 5).unwrap();
    insta::assert_snapshot!(layers);
    let error = mlp.layers(&[2, 3], 5).unwrap_err();
    insta::assert_snapshot!(error);
}

#[test]
fn logistic_regression_fits_saves_and_loads() {
    let (_folder, plugins) = all();
    let new = || {
        plugins
            .classifier("logistic-regression", &json!({}))
            .unwrap()
    };
    // Two classes on a line, apart from each other.
    let features = [0.0, 0.1, 0.2, 1.0, 1.1, 1.2];
    let labels = [0, 0, 0, 1, 1, 1];
    let options = FitOptions {
        seed: 1,
        threads: 2,
    };
    let mut fitted = new();
    let fit = fitted.fit(&features, 6, 1, &labels, 2, options).unwrap();
    assert_eq!(fit.report.converged, Some(true));
    assert!(fit.report.iterations > Some(0));
    // Two classes have one weight vector and one intercept.
    assert_eq!(fit.parameters, 2);
    let scores = fitted.predict(&features, 6, 1, 2).unwrap();
    for (row, &label) in scores.chunks(2).zip(&labels) {
        assert_eq!(u32::from(row[1] > row[0]), label);
    }
    let state = fitted.save().unwrap().unwrap();
    let mut loaded = new();
    loaded.load(&state).unwrap().unwrap();
    assert_eq!(loaded.predict(&features, 6, 1, 2).unwrap(), scores);
    let error = loaded.load(&state[1..]).unwrap().unwrap_err();
    insta::assert_snapshot!(error);
}

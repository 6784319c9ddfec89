//! The plugins that come with topwork, through the host.

use crate::stage::{folder_with, load, redact};
use serde_json::json;
use std::sync::Arc;
use topwork_host::{
    DatasetView, DecodeError, Filter, FitOptions, Geometry, Image, Pixel, Pixels, Plugins, Resize,
    Seen,
};

const ALL: [&str; 8] = [
    "topwork_plugin_arrays",
    "topwork_plugin_classifiers",
    "topwork_plugin_convnet",
    "topwork_plugin_image_folder",
    "topwork_plugin_lenet",
    "topwork_plugin_mlp",
    "topwork_plugin_resnet",
    "topwork_plugin_vit",
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
fn one_dataset_serves_backbones_of_other_shapes() {
    let (_folder, plugins) = all();
    let mnist = Arc::new(plugins.dataset("mnist", &json!({})).unwrap());
    let indices: Vec<u64> = (0..40).map(|index| index * 251).collect();
    let mut own = vec![f32::NAN; indices.len() * 784];
    mnist.read("test", &indices, &mut own).unwrap();
    let view = |side, channels, threads| {
        let resize = Resize::Exactly([side; 2]);
        let seen = Seen {
            geometry: Geometry::new(resize, [side; 2], Filter::Bicubic).unwrap(),
            channels,
            unit: true,
            threads,
        };
        DatasetView::new(Arc::clone(&mnist), seen)
    };
    let read = |view: &DatasetView| {
        let numbers: usize = view.shape().iter().product();
        let mut samples = vec![f32::NAN; indices.len() * numbers];
        view.read("test", &indices, &mut samples).unwrap();
        samples
    };
    let (same, large) = (view(28, 1, 1), view(64, 3, 1));
    assert_eq!((same.shape(), large.shape()), ([1, 28, 28], [3, 64, 64]));
    assert_eq!(read(&DatasetView::from(Arc::clone(&mnist))), own);
    assert_eq!(read(&same), own, "a digit of its own size stays as it is");
    let samples = read(&large);
    assert_eq!(read(&view(64, 3, 4)), samples, "on several threads");
    for (image, digit) in samples.chunks_exact(3 * 64 * 64).zip(own.chunks_exact(784)) {
        let (grey, others) = image.split_at(64 * 64);
        assert_eq!([grey, grey].concat(), others);
        let mean = |numbers: &[f32]| numbers.iter().sum::<f32>() / numbers.len() as f32;
        assert!((mean(grey) - mean(digit)).abs() < 0.01);
    }
    let error = large.read("test", &[10_000], &mut vec![0.0; 3 * 64 * 64]);
    let error = error.unwrap_err().to_string();
    assert!(
        error.contains("sample 10000, expected less than 10000"),
        "{error}"
    );
}

#[test]
fn of_several_images_that_cannot_be_read_the_first_is_told() {
    let (folder, plugins) = all();
    let place = folder.path().join("pictures/a");
    std::fs::create_dir_all(&place).unwrap();
    for number in 0..40 {
        let file = std::fs::File::create(place.join(format!("{number:02}.png"))).unwrap();
        let mut encoder = png::Encoder::new(file, 3, 2);
        encoder.set_color(png::ColorType::Grayscale);
        let mut writer = encoder.write_header().unwrap();
        writer.write_image_data(&[number; 6]).unwrap();
        writer.finish().unwrap();
    }
    let parameters = json!({"folder": place.parent(), "size": 4});
    let shared = Arc::new(plugins.dataset("image-folder", &parameters).unwrap());
    for gone in ["13.png", "14.png", "20.png", "31.png"] {
        std::fs::remove_file(place.join(gone)).unwrap();
    }
    let seen = Seen {
        geometry: Geometry::new(Resize::Exactly([4, 4]), [4, 4], Filter::Bicubic).unwrap(),
        channels: 3,
        unit: true,
        threads: 4,
    };
    let view = DatasetView::new(shared, seen);
    let indices: Vec<u64> = (0..40).collect();
    for _ in 0..20 {
        let error = view.read("train", &indices, &mut vec![0.0; 40 * 48]);
        let error = error.unwrap_err().to_string();
        assert!(error.contains("13.png"), "{error}");
    }
}

#[test]
fn images_of_a_folder_are_seen_as_the_folder_would_have_made_them() {
    let (folder, plugins) = all();
    for (class, side) in [("a", 9_usize), ("b", 23)] {
        let place = folder.path().join("pictures").join(class);
        std::fs::create_dir_all(&place).unwrap();
        let file = std::fs::File::create(place.join("one.png")).unwrap();
        let mut encoder = png::Encoder::new(file, side as u32, 12);
        encoder.set_color(png::ColorType::Rgb);
        let bytes: Vec<u8> = (0..side * 12 * 3)
            .map(|at| (at * at * 7 % 251) as u8)
            .collect();
        let mut writer = encoder.write_header().unwrap();
        writer.write_image_data(&bytes).unwrap();
        writer.finish().unwrap();
    }
    let pictures = folder.path().join("pictures");
    let open = |size: [usize; 2], channels: usize| {
        let parameters =
            json!({"folder": &pictures, "size": size, "fit": "stretch", "channels": channels});
        plugins.dataset("image-folder", &parameters).unwrap()
    };
    let shared = Arc::new(open([1, 1], 3));
    for (size, channels) in [([16, 16], 3), ([5, 30], 3), ([7, 8], 1)] {
        let expected = open(size, channels);
        let numbers = channels * size[0] * size[1];
        let mut samples = [vec![f32::NAN; 2 * numbers], vec![f32::NAN; 2 * numbers]];
        let seen = Seen {
            geometry: Geometry::new(Resize::Exactly(size), size, Filter::Bicubic).unwrap(),
            channels,
            unit: true,
            threads: 2,
        };
        let view = DatasetView::new(Arc::clone(&shared), seen);
        expected.read("train", &[1, 0], &mut samples[0]).unwrap();
        view.read("train", &[1, 0], &mut samples[1]).unwrap();
        assert_eq!(samples[0], samples[1], "{size:?}");
    }
    let decoder = plugins.decoder("image-folder", &json!({"size": 1}));
    let decoder = decoder.unwrap().unwrap();
    let names = shared.names("train").unwrap().unwrap();
    for (index, name) in (0..).zip(&names) {
        let image = shared.image("train", index).unwrap();
        assert_eq!(decoder.image(&pictures.join(name)).unwrap(), *image);
    }
    let sides: Vec<_> = (0..2)
        .map(|index| shared.image("train", index).unwrap().shape())
        .collect();
    assert_eq!(sides, [[3, 12, 9], [3, 12, 23]]);
    let missing = decoder.image(&pictures.join("no such"));
    assert!(matches!(missing, Err(DecodeError::File { .. })));
}

#[test]
fn floats_beyond_what_is_normalised_are_refused() {
    let grey = |number| Image::new([1, 1, 2], Pixels::Floats(vec![0.5, number])).unwrap();
    let seen = |unit| Seen {
        geometry: Geometry::new(Resize::Shorter(1), [1, 1], Filter::Bilinear).unwrap(),
        channels: 1,
        unit,
        threads: 1,
    };
    let mut sample = [f32::NAN];
    assert_eq!(seen(true).sample(&grey(1.0), &mut sample), Ok(()));
    assert_eq!(seen(false).sample(&grey(-3.0), &mut sample), Ok(()));
    let refused = seen(true).sample(&grey(-3.0), &mut sample).unwrap_err();
    assert!(
        refused.starts_with("a number is -3, expected 0 to 1"),
        "{refused}"
    );
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

//! Trunks that are model files, as the first-party extractor gives them.

use serde_json::{Value, json};
use topwork_export::{Exported, Layout, OnnxFile, Trunk};
use topwork_host::ModelLayout;
use topwork_schema::{Normalise, Pool, Reduction};
use topwork_testkit::{Attribute, OnnxFile as Written};

use crate::{PLAIN, agrees, model, names, network, nothing, numbers, plugins};

/// The extractor's features and the exported model's, pooled over what does not count channels.
fn check(file: &[u8], parameters: &Value, cut: &str, batch: Option<usize>, pool: Option<Pool>) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.onnx");
    std::fs::write(&path, file).unwrap();
    let mut parameters = parameters.clone();
    parameters["file"] = json!(path);
    parameters["runtime"] = json!("rten");
    let extractor = plugins().extractor("onnx", &parameters).unwrap();
    let description = extractor.describe();
    let input = &description.input;
    let at = description
        .cuts
        .iter()
        .position(|place| place.name == cut)
        .unwrap();
    let place = &description.cuts[at];
    let given = extractor.onnx(at).unwrap().unwrap();
    assert_eq!(given.batch, batch, "{cut}");
    let (of_cut, channels) = match &place.dims {
        None => (place.shape.clone(), (place.shape.len() == 3).then_some(0)),
        Some(dims) => (dims.clone(), place.channels),
    };
    let images = numbers(3 * input.iter().product::<usize>(), 1);
    let normalise = Normalise {
        mean: vec![0.25; input[0]],
        std: vec![0.5; input[0]],
    };
    let normalised: Vec<f32> = images.iter().map(|x| (x - 0.25) / 0.5).collect();
    let each: usize = of_cut.iter().product();
    let mut features = vec![0.0; 3 * each];
    extractor.forward(at, &normalised, &mut features).unwrap();
    let scores: Vec<f32> = match (pool, channels) {
        (Some(Pool::Gap), Some(at)) => {
            let inner: usize = of_cut[at + 1..].iter().product();
            let rows = features.chunks_exact(each).flat_map(|row| {
                let mut sums = vec![0.0_f64; of_cut[at]];
                for (place, x) in row.iter().enumerate() {
                    sums[place / inner % of_cut[at]] += f64::from(*x);
                }
                let count = (each / of_cut[at]) as f64;
                sums.into_iter().map(move |sum| (sum / count) as f32)
            });
            rows.collect()
        }
        _ => features,
    };
    let width = scores.len() / 3;
    let unused = network(&[1, 1, 1], &[r#""op": "relu""#], 1);
    let (head, classes) = (nothing(width), names(width));
    let exported = Exported {
        input: [input[0], input[1], input[2]],
        normalise: Some(&normalise),
        trunk: Trunk::File(OnnxFile {
            bytes: &given.file,
            input: &given.input,
            layout: match given.layout {
                ModelLayout::Nhwc => Layout::Nhwc,
                ModelLayout::Nchw => Layout::Nchw,
            },
            output: &given.output,
            sizes: &of_cut,
            channels,
            batch: given.batch,
        }),
        reduction: Reduction { pool, ..PLAIN },
        ..model(&unused, &head, &classes)
    };
    agrees(&exported, &images, &scores, cut);
}

/// A convolution with ReLU, pooling and a linear layer on some tensor of one channel, with tensors called like our own.
fn layers(file: Written, image: &str) -> Written {
    file.weights(
        "filters",
        &[2, 1, 2, 2],
        &[1.0, 0.5, 0.0, 0.25, 1.0, -1.0, 1.0, 1.0],
    )
    .weights("last", &[3, 2], &[1.0, 0.0, 0.0, 1.0, 1.0, -2.0])
    .weights("last.bias", &[3], &[0.5, 0.0, 1.0])
    .node(
        "Conv",
        &[image, "filters"],
        "scores",
        &[("kernel_shape", Attribute::Ints(&[2, 2]))],
    )
    .node("Relu", &["scores"], "class", &[])
    .node("GlobalAveragePool", &["class"], "pool", &[])
    .node(
        "Flatten",
        &["pool"],
        "features",
        &[("axis", Attribute::Int(1))],
    )
    .node(
        "Gemm",
        &["features", "last", "last.bias"],
        "logits",
        &[("transB", Attribute::Int(1))],
    )
}

fn sizes(batch: Option<i64>) -> [Option<i64>; 4] {
    [batch, Some(1), Some(4), Some(5)]
}

#[test]
fn a_model_file_is_kept_and_its_names_give_way() {
    for batch in [None, Some(1), Some(2)] {
        let file = layers(
            Written::default().input("images", Written::FLOAT, &sizes(batch)),
            "images",
        );
        let file = file.ending_at("logits");
        for cut in ["scores", "class", "pool", "features", "logits"] {
            for pool in [None, Some(Pool::Gap)] {
                check(&file, &json!({}), cut, None, pool);
            }
        }
    }
}

#[test]
fn a_batch_that_is_built_in_stays() {
    let file = Written::default()
        .input("image", Written::FLOAT, &sizes(Some(1)))
        .integers("shape", &[2], &[1, 20])
        .node("Reshape", &["image", "shape"], "flat", &[])
        .ending_at("flat");
    check(&file, &json!({}), "flat", Some(1), None);
}

#[test]
fn channels_may_come_last() {
    let sizes = [None, Some(4), Some(5), Some(1)];
    let file = Written::default()
        .input("image", Written::FLOAT, &sizes)
        .node(
            "Transpose",
            &["image"],
            "first",
            &[("perm", Attribute::Ints(&[0, 3, 1, 2]))],
        );
    let file = layers(file, "first")
        .node(
            "Transpose",
            &["class"],
            "last-again",
            &[("perm", Attribute::Ints(&[0, 2, 3, 1]))],
        )
        .ending_at("last-again");
    for pool in [None, Some(Pool::Gap)] {
        check(&file, &json!({"layout": "nhwc"}), "last-again", None, pool);
    }
}

#[test]
fn what_does_not_fit_is_told() {
    let written = |set: u64| {
        let file = Written::default().of_set(set);
        layers(file.input("images", Written::FLOAT, &sizes(None)), "images").ending_at("logits")
    };
    let refused =
        |bytes: &[u8], input: &str, output: &str, reduction: Reduction, pool: [usize; 3]| {
            let unused = network(&[1, 1, 1], &[r#""op": "relu""#], 1);
            let head = network(&[3], &[r#""op": "relu6""#], 1);
            let classes = names(3);
            let exported = Exported {
                input: pool,
                trunk: Trunk::File(OnnxFile {
                    bytes,
                    input,
                    layout: Layout::Nchw,
                    output,
                    sizes: &[3],
                    channels: None,
                    batch: None,
                }),
                reduction,
                ..model(&unused, &head, &classes)
            };
            exported.to_onnx().unwrap_err().to_string()
        };
    let old = written(6);
    let before_clip = written(10);
    let whole = written(13);
    let cases: [(&[u8], &str, &str, &str); 5] = [
        (
            b"\xff\xff",
            "images",
            "logits",
            "the trunk's model file is no model in the ONNX format",
        ),
        (
            &old,
            "images",
            "logits",
            "the trunk's model file has the operator set 6 of ONNX, expected 7 or later",
        ),
        (
            &before_clip,
            "images",
            "logits",
            "Clip needs operator set 11 of ONNX, and the model file has 10",
        ),
        (
            &whole,
            "image",
            "logits",
            "the trunk's model file has no input `image`",
        ),
        (
            &whole,
            "images",
            "logit",
            "the trunk's model file computes no tensor `logit`",
        ),
    ];
    for (bytes, input, output, expected) in cases {
        let told = refused(bytes, input, output, PLAIN, [1, 4, 5]);
        assert!(told.starts_with(expected), "{told}");
    }
}

/// With `TOPWORK_LARGE_FILES=FOLDER cargo test --release -p topwork-export -- --ignored`.
#[test]
#[ignore = "needs the folder with large files that TOPWORK_LARGE_FILES names"]
fn efficientnet_lite0_is_kept() {
    let folder = std::path::PathBuf::from(std::env::var_os("TOPWORK_LARGE_FILES").unwrap());
    let file = std::fs::read(folder.join("efficientnet-lite0.onnx")).unwrap();
    for (cut, pool) in [
        ("block4", Some(Pool::Gap)),
        ("block14", Some(Pool::Gap)),
        ("gap", None),
        ("logits", None),
    ] {
        check(&file, &json!({}), cut, None, pool);
    }
}

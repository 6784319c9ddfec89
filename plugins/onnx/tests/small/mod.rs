//! The small model of these tests, whose features can be worked out on paper.

use topwork_testkit::{Attribute, OnnxFile};

/// Two 2×2 filters, ReLU, the mean over what is left and three outputs: `conv`, `relu`, `pool`, `flat`, `logits`.
pub fn small(batch: Option<i64>, side: Option<i64>) -> OnnxFile {
    let sizes = [batch, Some(1), side, side];
    layers(
        OnnxFile::default().input("image", OnnxFile::FLOAT, &sizes),
        "image",
    )
}

/// The layers of [`small`] behind some tensor.
pub fn layers(file: OnnxFile, image: &str) -> OnnxFile {
    file
        // The first filter takes the upper left pixel, the second sums all four less 20.
        .weights(
            "filters",
            &[2, 1, 2, 2],
            &[1.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 1.0],
        )
        .weights("filters.bias", &[2], &[0.0, -20.0])
        .weights("last", &[3, 2], &[1.0, 0.0, 0.0, 1.0, 1.0, -2.0])
        .weights("last.bias", &[3], &[0.5, 0.0, 1.0])
        .node(
            "Conv",
            &[image, "filters", "filters.bias"],
            "conv",
            &[("kernel_shape", Attribute::Ints(&[2, 2]))],
        )
        .node("Relu", &["conv"], "relu", &[])
        .node("GlobalAveragePool", &["relu"], "pool", &[])
        .node("Flatten", &["pool"], "flat", &[("axis", Attribute::Int(1))])
        .node(
            "Gemm",
            &["flat", "last", "last.bias"],
            "logits",
            &[("transB", Attribute::Int(1))],
        )
}

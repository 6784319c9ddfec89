//! Registers of every width give the same bits: those that this processor lacks are emulated.

use pulp::{Scalar, Scalar128b, Scalar256b, Scalar512b, WithSimd};

use super::*;
use crate::example_networks::numbers;

/// Does the same work by this processor's registers, and by those of one value, four, eight and sixteen.
const WIDTHS: [usize; 5] = [0, 1, 4, 8, 16];

fn with<W: WithSimd>(width: usize, work: W, run: impl FnOnce(W)) {
    match width {
        1 => drop(work.with_simd(Scalar)),
        4 => drop(work.with_simd(Scalar128b)),
        8 => drop(work.with_simd(Scalar256b)),
        16 => drop(work.with_simd(Scalar512b)),
        _ => run(work),
    }
}

fn check(channels: usize, filters: usize, groups: usize, kernel: usize, stride: usize) {
    let conv = Sizes {
        channels,
        image: [7, 9],
        filters,
        kernel: [kernel, kernel],
        stride: [stride, stride],
        padding: [kernel / 2, kernel / 2],
        dilation: [1, 1],
        groups,
        map: [7, 9].map(|size: usize| size.div_ceil(stride)),
    };
    let own = ChannelsLast {
        conv,
        norm: Some(1e-3),
        residual: true,
        rectifier: Some(Rectifier::Relu6),
        activation: None,
    };
    let samples = 2;
    let weight = numbers(filters * conv.window(), 1);
    let [bias, mean, variance] = [2, 3, 4].map(|seed| numbers(filters, seed));
    let variance: Vec<f32> = variance.iter().map(|x| 1.5 + x).collect();
    let arrays = [
        [("weight", &weight[..]), ("bias", &bias)]
            .into_iter()
            .collect(),
        [("running_mean", &mean[..]), ("running_var", &variance)]
            .into_iter()
            .collect(),
    ];
    let panels = own.panels(&arrays);
    let weights = conv.packed_channels_last(&weight);
    let images = numbers(samples * conv.image_elements(), 5);
    let residual = numbers(samples * conv.map_elements(), 6);
    let buffers = Buffers::default();
    let framed = conv.framed(&buffers, &images, samples);
    let images = if conv.is_narrow() {
        &framed[..]
    } else {
        &images
    };
    let zeros = vec![0.0; channels];
    let results = WIDTHS.map(|width| {
        let mut output = vec![f32::NAN; samples * conv.map_elements()];
        if conv.sees_its_own() {
            let size = conv.map[1] * filters;
            for (row, output) in output.chunks_exact_mut(size).enumerate() {
                let work = Rows {
                    conv: &conv,
                    images,
                    panels: &panels,
                    weights: &weights,
                    row,
                    output,
                    residual: Some(&residual[row * size..][..size]),
                };
                with(width, work, Rows::run);
            }
        } else {
            let mut windows = Vec::new();
            conv.windows(images, &zeros, 0..samples * conv.places(), &mut windows);
            let work = Places {
                windows: &windows,
                taps: conv.taps(),
                panels: &panels,
                channels: conv.window() / conv.taps(),
                weights: &weights,
                filters,
                output: &mut output,
                residual: Some(&residual),
            };
            with(width, work, Places::run);
        }
        output
    });
    for (width, result) in WIDTHS.iter().zip(&results) {
        assert_eq!(result, &results[0], "registers of {width} in {conv:?}");
    }
    assert!(results[0].iter().all(|value| (0.0..=6.0).contains(value)));
}

#[test]
fn registers_of_every_width_give_the_same_bits() {
    for (channels, filters, groups, kernel, stride) in [
        (3, 20, 1, 5, 2),
        (16, 16, 1, 1, 1),
        (24, 40, 1, 1, 1),
        (20, 50, 1, 3, 1),
        (24, 24, 3, 3, 2),
        (16, 16, 16, 3, 1),
        (45, 45, 45, 3, 2),
        (24, 24, 24, 5, 1),
        (8, 16, 8, 3, 1),
    ] {
        check(channels, filters, groups, kernel, stride);
    }
}

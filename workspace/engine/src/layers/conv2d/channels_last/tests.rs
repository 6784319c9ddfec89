//! Patches give what tiles give, and registers of every width the same bits: those that this processor lacks are emulated.

use std::cell::Cell;

use proptest::prelude::*;
use pulp::{Scalar, Scalar128b, Scalar256b, Scalar512b, WithSimd};

use super::*;
use crate::compute::Compute;
use crate::example_networks::numbers;

/// Values in a register; 0 stands for those that this processor has.
pub(super) const WIDTHS: [usize; 5] = [0, 1, 4, 8, 16];

thread_local! {
    static WANTED: Cell<usize> = const { Cell::new(0) };
}

/// Runs something whose work this thread does by registers of this width.
pub(super) fn with_width<R>(width: usize, run: impl FnOnce() -> R) -> R {
    let before = WANTED.replace(width);
    let result = run();
    WANTED.set(before);
    result
}

/// Does the work by registers of the width that is wanted; gives it back where those of the processor are.
pub(super) fn by_width_wanted<W: WithSimd<Output = ()>>(work: W) -> Option<W> {
    match WANTED.get() {
        1 => work.with_simd(Scalar),
        4 => work.with_simd(Scalar128b),
        8 => work.with_simd(Scalar256b),
        16 => work.with_simd(Scalar512b),
        _ => return Some(work),
    }
    None
}

fn check(channels: usize, filters: usize, groups: usize, kernel: usize, stride: usize) {
    let conv = Sizes {
        channels,
        image: [7, 12],
        filters,
        kernel: [kernel, kernel],
        stride: [stride, stride],
        padding: [kernel / 2, kernel / 2],
        dilation: [1, 1],
        groups,
        map: [7, 12].map(|size: usize| size.div_ceil(stride)),
    };
    let own = ChannelsLast {
        conv,
        rectifier: Some(Rectifier::Relu6),
        frozen: Frozen {
            norm: Some(1e-3),
            residual: true,
            activation: None,
        },
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
        with_width(width, || {
            let mut output = vec![f32::NAN; samples * conv.map_elements()];
            if conv.sees_its_own() {
                let size = conv.map[1] * filters;
                for (row, output) in output.chunks_exact_mut(size).enumerate() {
                    let (image, y) = (row / conv.map[0], row % conv.map[0]);
                    Rows {
                        conv: &conv,
                        image: &images[image * conv.image_elements()..],
                        first: 0,
                        runs: &rows::runs(&conv),
                        panels: &panels,
                        weights: &weights,
                        row: y,
                        output,
                        residual: Some(&residual[row * size..][..size]),
                    }
                    .run();
                }
            } else {
                let mut windows = Vec::new();
                conv.windows(images, &zeros, 0..samples * conv.places(), &mut windows);
                Places {
                    windows: &windows,
                    taps: conv.taps(),
                    panels: &panels,
                    channels: conv.window() / conv.taps(),
                    weights: &weights,
                    filters,
                    output: &mut output,
                    residual: Some(&residual),
                }
                .run();
            }
            output
        })
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
        (32, 32, 32, 3, 1),
        (40, 40, 40, 5, 1),
        // With more weights than are kept while places are gone through.
        (256, 528, 1, 1, 1),
    ] {
        check(channels, filters, groups, kernel, stride);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn patches_give_what_tiles_give_and_batch_and_threads_make_no_difference(
        channels in 4usize..8, filters in 4usize..8, samples in 1usize..6,
        image in [2usize..20, 2usize..30], padding in [0usize..4, 0usize..4],
        relu: bool, norm: bool, residual: bool, threads in 1usize..5, seed in 0u64..1000,
    ) {
        let conv = Sizes {
            channels: 8 * channels,
            image,
            filters: 8 * filters,
            kernel: [3, 3],
            stride: [1, 1],
            padding,
            dilation: [1, 1],
            groups: 1,
            map: [0, 1].map(|axis| (image[axis] + 2 * padding[axis]).saturating_sub(2).max(1)),
        };
        if !conv.suits_patches() {
            return Ok(());
        }
        let own = ChannelsLast {
            conv,
            rectifier: relu.then_some(Rectifier::Relu),
            frozen: Frozen { norm: norm.then_some(1e-3), residual, activation: None },
        };
        let [weight, bias, mean, variance, images, other] = [
            conv.filters * conv.window(), conv.filters, conv.filters, conv.filters,
            samples * conv.image_elements(), samples * conv.map_elements(),
        ].map(|count| numbers(count, seed + count as u64));
        let variance: Vec<f32> = variance.iter().map(|x| 1.5 + x).collect();
        let arrays = [
            [("weight", &weight[..]), ("bias", &bias)].into_iter().collect(),
            [("running_mean", &mean[..]), ("running_var", &variance)].into_iter().collect(),
        ];
        let panels = own.panels(&arrays);
        let zeros = vec![0.0; conv.channels];
        let run = |patches: bool, threads: usize, of: Range<usize>| {
            let weights = match patches {
                true => conv.packed_patches(&weight),
                false => conv.packed_tiles(&weight),
            };
            let [image, map] = [conv.image_elements(), conv.map_elements()];
            let pass = Pass {
                images: &images[of.start * image..of.end * image],
                zeros: &zeros,
                panels: &panels,
                weights: &weights,
                residual: residual.then(|| &other[of.start * map..of.end * map]),
            };
            let mut output = vec![f32::NAN; of.len() * map];
            let compute = Compute::new(threads).unwrap();
            compute.run(|| match patches {
                true => own.fill_patches(compute.buffers(), &pass, of.len(), &mut output),
                false => own.fill(&pass, 0, &mut output),
            });
            output
        };
        let output = run(true, threads, 0..samples);
        let plain = run(false, threads, 0..samples);
        for (&found, &expected) in output.iter().zip(&plain) {
            prop_assert!((found - expected).abs() <= 2e-5 * (1.0 + expected.abs()), "{found} {expected}");
        }
        let singly: Vec<_> = (0..samples).map(|sample| run(true, 1, sample..sample + 1)).collect();
        prop_assert_eq!(output, singly.concat());
    }
}

#[test]
fn sums_over_places_have_the_same_bits_by_registers_of_every_width() {
    let cases: [(usize, usize, usize); 6] = [
        (1, 1, 16),
        (7, 9, 3),
        (12, 12, 8),
        (29, 40, 16),
        (13, 20, 32),
        (29, 40, 21),
    ];
    for (rows, step, filters) in cases {
        let runs = [(0, 0, 5), (3 * step, 5 * PANEL, 1), (step, 6 * PANEL, 14)];
        let runs = runs.map(|(values, gradients, places)| outer::Run {
            values,
            gradients,
            apart: 20 * PANEL,
            places,
        });
        let values = numbers(15 * step + rows, 1);
        let gradients = numbers(40 * PANEL, 2);
        let panels = filters.div_ceil(PANEL);
        let size = rows * PANEL;
        let results = WIDTHS.map(|width| {
            with_width(width, || {
                let mut sums = numbers(panels * size, 3);
                let (first, second) = sums.split_at_mut(size);
                outer::Outer {
                    runs: &runs,
                    values: &values,
                    step,
                    gradients: &gradients,
                    filters,
                    sums: [first, second],
                }
                .run();
                let of = |row: usize, filter: usize| {
                    sums[filter / PANEL * size + row * PANEL + filter % PANEL]
                };
                let own = (0..rows).flat_map(|row| (0..filters).map(move |filter| (row, filter)));
                own.map(|(row, filter)| of(row, filter)).collect::<Vec<_>>()
            })
        });
        for (width, result) in WIDTHS.iter().zip(&results) {
            assert_eq!(result, &results[0], "registers of {width}, {rows} rows");
        }
        let before = numbers(panels * size, 3);
        for (index, &found) in results[0].iter().enumerate() {
            let (row, filter) = (index / filters, index % filters);
            let (panel, at) = (filter / PANEL, filter % PANEL);
            let products = runs.iter().flat_map(|run| {
                (0..run.places).map(|place| {
                    let value = values[run.values + place * step + row];
                    let own = run.gradients + panel * run.apart + place * PANEL;
                    let gradient = gradients[own + at];
                    f64::from(value) * f64::from(gradient)
                })
            });
            let before = before[panel * size + row * PANEL + at];
            let expected = f64::from(before) + products.sum::<f64>();
            assert!((expected - f64::from(found)).abs() < 1e-5, "{row} {filter}");
        }
    }
}

proptest! {
    #[test]
    fn gradients_of_depthwise_weights_are_plain_sums_and_have_the_same_bits_by_registers_of_every_width(
        channels in 2usize..80, kernel in [1usize..4, 1usize..8], stride in [1usize..3, 1usize..3],
        dilation in [1usize..3, 1usize..3], padding in [0usize..4, 0usize..4], more in [0usize..5, 0usize..20],
        seed in 0u64..1000,
    ) {
        let reach = |axis: usize| (kernel[axis] - 1) * dilation[axis] + 1;
        let image = [0, 1].map(|axis| reach(axis).saturating_sub(2 * padding[axis]).max(1) + more[axis]);
        let conv = Sizes {
            channels,
            image,
            filters: channels,
            kernel,
            stride,
            padding,
            dilation,
            groups: channels,
            map: [0, 1].map(|axis| (image[axis] + 2 * padding[axis] - reach(axis)) / stride[axis] + 1),
        };
        let samples = 2;
        let images = numbers(samples * conv.image_elements(), seed);
        let map = numbers(samples * conv.map_elements(), seed + 1);
        let columns = rows::runs(&conv);
        let all = 0..samples * conv.map[0];
        let sums = |width: usize, rows| {
            with_width(width, || conv.sums_of_own(&columns, &images, &map, rows))
        };
        let own = sums(0, all.clone());
        for width in WIDTHS {
            prop_assert_eq!(&sums(width, all.clone()), &own, "registers of {}", width);
        }
        let mut expected = vec![0.0; own.len()];
        for (place, dy) in map.chunks_exact(channels).enumerate() {
            let (sample, place) = (place / conv.places(), place % conv.places());
            let (y, x) = (place / conv.map[1], place % conv.map[1]);
            for tap in 0..conv.kernel_elements() {
                let at = [
                    y * stride[0] + tap / kernel[1] * dilation[0],
                    x * stride[1] + tap % kernel[1] * dilation[1],
                ];
                let at = [0, 1].map(|axis| at[axis].wrapping_sub(padding[axis]));
                if (0..2).all(|axis| at[axis] < image[axis]) {
                    let start = ((sample * image[0] + at[0]) * image[1] + at[1]) * channels;
                    for channel in 0..channels {
                        expected[tap * channels + channel] +=
                            f64::from(images[start + channel]) * f64::from(dy[channel]);
                    }
                }
            }
        }
        for (found, expected) in own.iter().zip(expected) {
            prop_assert!((f64::from(*found) - expected).abs() < 1e-4, "{} {}", found, expected);
        }
        let mut gradient = vec![f32::NAN; own.len()];
        let compute = Compute::new(2).unwrap();
        compute.run(|| conv.fill_weight_gradient_last(compute.buffers(), &images, &map, &mut gradient));
        for (index, found) in gradient.iter().enumerate() {
            let (channel, tap) = (index / conv.kernel_elements(), index % conv.kernel_elements());
            prop_assert!((found - own[tap * channels + channel]).abs() < 1e-4);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn gradients_by_patches_are_those_by_rows_and_classes_and_threads_make_no_difference(
        channels in 4usize..8, filters in 4usize..8, samples in 1usize..6,
        image in [2usize..20, 2usize..30], padding in [0usize..3, 0usize..3],
        threads in 2usize..5, seed in 0u64..1000,
    ) {
        let conv = Sizes {
            channels: 8 * channels,
            image,
            filters: 8 * filters,
            kernel: [3, 3],
            stride: [1, 1],
            padding,
            dilation: [1, 1],
            groups: 1,
            map: [0, 1].map(|axis| (image[axis] + 2 * padding[axis]).saturating_sub(2).max(1)),
        };
        if !conv.suits_patches() || (0..2).any(|axis| image[axis] + 2 * padding[axis] < 3) {
            return Ok(());
        }
        let [weight, images, map] = [
            conv.filters * conv.window(),
            samples * conv.image_elements(),
            samples * conv.map_elements(),
        ].map(|count| numbers(count, seed + count as u64));
        let run = |plain: bool, threads: usize| {
            let (mut own, mut before) = (vec![f32::NAN; weight.len()], vec![f32::NAN; images.len()]);
            let compute = Compute::new(threads).unwrap();
            let buffers = compute.buffers();
            compute.run(|| {
                if plain {
                    conv.fill_gradient_by_rows(buffers, &images, &map, &mut own);
                    conv.fill_input_gradient_by_classes(&weight, &map, &mut before);
                } else {
                    conv.fill_weight_gradient_last(buffers, &images, &map, &mut own);
                    conv.fill_input_gradient_last(buffers, &weight, &map, &mut before);
                }
            });
            [own, before]
        };
        for (found, expected) in run(false, threads).into_iter().zip(run(true, threads)) {
            let scale = expected.iter().fold(1.0, |most: f32, value| most.max(value.abs()));
            for (found, expected) in found.into_iter().zip(expected) {
                prop_assert!((found - expected).abs() <= 1e-5 * scale, "{found} {expected}");
            }
        }
        for plain in [false, true] {
            prop_assert_eq!(run(plain, threads), run(plain, 1));
        }
    }
}

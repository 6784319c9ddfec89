//! Rows at a time give what whole maps give, and registers of every width the same bits.

use super::super::super::Frozen;
use super::super::tests::{WIDTHS, with_width};
use super::*;
use crate::example_networks::numbers;
use crate::rectifier::Rectifier;

/// A part with a norm behind it.
fn part(conv: Sizes, rectifier: Option<Rectifier>, residual: bool) -> ChannelsLast {
    ChannelsLast {
        conv,
        rectifier,
        frozen: Frozen {
            norm: Some(1e-3),
            residual,
            activation: None,
        },
    }
}

fn pointwise(channels: usize, filters: usize, image: [usize; 2]) -> Sizes {
    Sizes {
        image,
        map: image,
        ..Sizes::of_tokens(1, channels, filters)
    }
}

/// The batch and the size of its images, and what is varied of the depthwise convolution.
struct Case {
    samples: usize,
    image: [usize; 2],
    widened: usize,
    kernel: usize,
    stride: usize,
}

fn check(case: &Case, expands: bool, projects: bool) {
    let &Case {
        samples,
        image,
        widened,
        kernel,
        stride,
    } = case;
    let map = image.map(|size: usize| size.div_ceil(stride));
    let channels = if expands { 7 } else { widened };
    let depthwise = Sizes {
        channels: widened,
        image,
        filters: widened,
        kernel: [kernel, kernel],
        stride: [stride, stride],
        padding: [kernel / 2, kernel / 2],
        dilation: [1, 1],
        groups: widened,
        map,
    };
    let six = Some(Rectifier::Relu6);
    let own = Bottleneck {
        expansion: expands.then(|| part(pointwise(channels, widened, image), six, false)),
        depthwise: part(depthwise, six, !projects),
        projection: projects.then(|| part(pointwise(widened, 21, map), None, true)),
    };
    let drawn: Vec<[Vec<f32>; 4]> = (own.parts().zip(1..))
        .map(|(part, seed)| {
            let filters = part.conv.filters;
            let variance = numbers(filters, seed).iter().map(|x| 1.5 + x).collect();
            let weight = numbers(filters * part.conv.window(), 10 + seed);
            [
                weight,
                numbers(filters, 20 + seed),
                numbers(filters, 30 + seed),
                variance,
            ]
        })
        .collect();
    let arrays = drawn.iter().flat_map(|[weight, bias, mean, variance]| {
        [
            [("weight", &weight[..]), ("bias", bias)]
                .into_iter()
                .collect(),
            [("running_mean", &mean[..]), ("running_var", variance)]
                .into_iter()
                .collect(),
        ]
    });
    let arrays: Vec<Named<'_>> = arrays.collect();
    let images = numbers(samples * channels * image[0] * image[1], 5);
    let residual = numbers(samples * own.output(), 6);
    let prepared = own.prepare(&arrays).unwrap();
    let parts = own.ready(&arrays, &prepared, &[&images, &residual]);
    let buffers = Buffers::default();
    let mut expected = vec![f32::NAN; samples * own.output()];
    parts.fill_one_by_one(&buffers, samples, &mut expected);
    for width in WIDTHS {
        let mut output = vec![f32::NAN; samples * own.output()];
        let units = own.units(samples, &mut output).ok().unwrap();
        with_width(width, || {
            for unit in units {
                own.fill(&buffers, &parts, unit);
            }
        });
        assert!(
            output == expected,
            "registers of {width}: {widened} channels, kernel {kernel}, stride {stride}"
        );
    }
}

#[test]
fn rows_at_a_time_and_registers_of_every_width_give_the_bits_of_whole_maps() {
    for (samples, image, widened, kernel, stride) in [
        // Rows of one image after the other, then several images at a time.
        (8, [83, 29], 45, 3, 1),
        (2, [500, 31], 48, 3, 2),
        (8, [90, 40], 24, 5, 1),
        (20, [13, 11], 90, 5, 2),
        (40, [7, 7], 72, 3, 1),
        (17, [9, 8], 16, 1, 1),
    ] {
        let case = Case {
            samples,
            image,
            widened,
            kernel,
            stride,
        };
        for (expands, projects) in [(true, true), (true, false), (false, true)] {
            check(&case, expands, projects);
        }
    }
}

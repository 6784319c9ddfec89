//! A dataset: stripes in four directions, drawn afresh from their number whenever they are read.

use serde::Deserialize;
use topwork_sdk::{Component, Dataset, Description, Error, Host, Split, dataset, export_plugin};

export_plugin! {
    id: "@NAME@",
    licence: "MIT OR Apache-2.0",
    components: [dataset::<Stripes>()],
}

const SIDE: usize = 28;
const CLASSES: [&str; 4] = ["horizontal", "vertical", "rising", "falling"];

struct Stripes {
    samples: u64,
}

/// The parameters; their defaults are those of the schema.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Parameters {
    samples: u64,
}

impl Component for Stripes {
    const ID: &str = "@NAME@";
    const ABOUT: &str = "stripes in four directions, 28 x 28";
    const SCHEMA: &str = r#"{"type": "object", "additionalProperties": false, "properties": {
        "samples": {"type": "integer", "minimum": 1, "maximum": 1000000, "default": 1000,
            "description": "images of the split train; test has as many"}
    }}"#;
    type Parameters = Parameters;

    fn create(_: Host, parameters: Parameters) -> Result<Self, Error> {
        Ok(Stripes {
            samples: parameters.samples,
        })
    }
}

impl Dataset for Stripes {
    type Element = u8;

    fn description(&self) -> Result<Description, Error> {
        Ok(Description {
            classes: CLASSES.map(str::to_owned).to_vec(),
            shape: [1, SIDE, SIDE],
            splits: ["train", "test"]
                .map(|name| Split {
                    name: name.to_owned(),
                    len: self.samples,
                })
                .to_vec(),
        })
    }

    // Of numbers or several labels: `const NUMBERS` or `MULTILABEL`, `has_numbers` or `is_multilabel`, and `numbers`.
    fn labels(&self, _split: usize) -> Result<Vec<u32>, Error> {
        let classes = CLASSES.len() as u64;
        Ok((0..self.samples)
            .map(|sample| (sample % classes) as u32)
            .collect())
    }

    fn read(&self, split: usize, indices: &[u64], samples: &mut [u8]) -> Result<(), Error> {
        if let Some(index) = indices.iter().find(|&&index| index >= self.samples) {
            return Err(Error::failed(format!("sample {index} of {}", self.samples)));
        }
        for (&index, sample) in indices.iter().zip(samples.chunks_exact_mut(SIDE * SIDE)) {
            // A stream of chance of its own for every image, so that any order of reading gives the same images.
            let mut state = (2 * index + split as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
            let mut chance = |below: u64| {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                (state >> 33) % below
            };
            let (width, shift) = (3 + chance(4) as usize, chance(8) as usize);
            for (pixel, shade) in sample.iter_mut().enumerate() {
                let (row, column) = (pixel / SIDE, pixel % SIDE);
                let across = match index as usize % CLASSES.len() {
                    0 => row,
                    1 => column,
                    2 => row + column,
                    _ => row + SIDE - column,
                };
                let bright = (across + shift) / width % 2 == 0;
                *shade = (if bright { 160 } else { 30 } + chance(60)) as u8;
            }
        }
        Ok(())
    }
}

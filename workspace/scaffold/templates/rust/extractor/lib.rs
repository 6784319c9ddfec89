//! An extractor: a backbone that computes its features itself. Here the mean brightness of square cells, and how it changes
//! from cell to cell; a model file or a vendor's library would be called in the same place.

use serde::Deserialize;
use topwork_sdk::{Component, Error, Extraction, Extractor, Host, export_plugin, extractor};

export_plugin! {
    id: "@NAME@",
    licence: "MIT OR Apache-2.0",
    components: [extractor::<Cells>()],
}

const SIDE: usize = 28;

struct Cells {
    /// Pixels along the side of a cell.
    cell: usize,
}

/// The parameters; their defaults are those of the schema.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Parameters {
    cell: usize,
}

impl Component for Cells {
    const ID: &str = "@NAME@";
    const ABOUT: &str = "the brightness of square cells of 1 x 28 x 28 images, and its changes";
    const SCHEMA: &str = r#"{"type": "object", "additionalProperties": false, "properties": {
        "cell": {"type": "integer", "enum": [2, 4, 7, 14], "default": 4,
            "description": "pixels along the side of a cell"}
    }}"#;
    type Parameters = Parameters;

    fn create(_: Host, Parameters { cell }: Parameters) -> Result<Self, Error> {
        if cell == 0 || cell >= SIDE || SIDE % cell != 0 {
            let message = format!("`cell` is {cell}, expected 2, 4, 7 or 14");
            return Err(Error::parameters(message));
        }
        Ok(Cells { cell })
    }
}

impl Extractor for Cells {
    fn describe(&self) -> Result<Extraction, Error> {
        let cells = SIDE / self.cell;
        Ok(Extraction::new(&[1, SIDE, SIDE])
            .cut("cells", &[1, cells, cells])
            .cut("changes", &[2 * cells * (cells - 1)])
            .in_parallel())
    }

    fn forward(&self, cut: usize, samples: &[f32], features: &mut [f32]) -> Result<(), Error> {
        let cells = SIDE / self.cell;
        let len = match cut {
            0 => cells * cells,
            1 => 2 * cells * (cells - 1),
            _ => return Err(Error::failed(format!("there is no cut {cut}"))),
        };
        let images = samples.chunks_exact(SIDE * SIDE);
        for (image, features) in images.zip(features.chunks_exact_mut(len)) {
            let mut means = vec![0.0; cells * cells];
            for (pixel, shade) in image.iter().enumerate() {
                let (row, column) = (pixel / SIDE / self.cell, pixel % SIDE / self.cell);
                means[row * cells + column] += shade;
            }
            for mean in &mut means {
                *mean /= (self.cell * self.cell) as f32;
            }
            if cut == 0 {
                features.copy_from_slice(&means);
                continue;
            }
            let pairs = (0..cells * cells).flat_map(|at| {
                let right = (at % cells + 1 < cells).then_some((at, at + 1));
                let below = (at / cells + 1 < cells).then_some((at, at + cells));
                right.into_iter().chain(below)
            });
            for (feature, (one, other)) in features.iter_mut().zip(pairs) {
                *feature = means[other] - means[one];
            }
        }
        Ok(())
    }
}

//! The model up to a cut as a file for others: nodes and weights as they are, nothing that only a runtime of ours would need.

use crate::image::{Layout, image_input};
use crate::model::{Model, folder_of, read};
use topwork_sdk::{Error, OnnxModel};

/// How many images are tried at once, to see whether a model that has a number of them built in takes any.
const SEVERAL: usize = 3;

/// How far features of several images may be off those of each alone, as a share of the largest: runtimes add up in another
/// order.
const ROUNDING: f32 = 1e-4;

impl Model {
    /// The model that computes the features at a cut.
    pub fn given(&self, cut: usize) -> Result<OnnxModel, Error> {
        let path = self.path.display().to_string();
        let name = &self.cuts[cut].name;
        let mut graph = read(&self.file, &path)?;
        let image = image_input(&graph, &path)?;
        let is_open = (image.sizes.as_ref()).is_some_and(|sizes| sizes[0].is_none());
        let input = image.name;
        graph.cut_to(&[name]);
        let shape = Layout::batch(self.sample, self.layout);
        let file = graph.write(&[name], input, shape, folder_of(&self.path))?;
        if i32::try_from(file.len()).is_err() {
            return Err(Error::failed(format!(
                "`{path}` up to \"{name}\" has {} bytes with its weights, expected at most {} in one ONNX file",
                file.len(),
                i32::MAX
            )));
        }
        let takes_any = is_open || self.takes_several(cut)?;
        Ok(OnnxModel {
            file,
            input: input.to_owned(),
            channels_last: self.layout == Layout::Nhwc,
            output: name.clone(),
            batch: (!takes_any).then_some(1),
        })
    }

    /// Whether several images at once have the features that each has alone. A size of 1 in a file is often only that of the
    /// image it was written with.
    fn takes_several(&self, cut: usize) -> Result<bool, Error> {
        let name = [&*self.cuts[cut].name];
        let numbers: usize = self.sample.iter().product();
        // No two images are alike, and neither are two pixels of one.
        let images: Vec<f32> = (0..SEVERAL * numbers)
            .map(|place| (place * 7919 % 1009) as f32 / 1009.0)
            .collect();
        let pass = |batch: usize, images: &[f32]| -> Result<Option<Vec<f32>>, Error> {
            let network = match self.read_up_to(&name, batch, true)? {
                Ok(network) => network,
                Err(_) => return Ok(None),
            };
            let mut found = None;
            let run = network.lane().and_then(|mut lane| {
                lane.run(images, &mut |_, _, numbers| {
                    found = numbers.map(<[f32]>::to_vec);
                })
            });
            Ok(found.filter(|_| run.is_ok()))
        };
        let Some(together) = pass(SEVERAL, &images)? else {
            return Ok(false);
        };
        let mut alone = Vec::new();
        for image in images.chunks_exact(numbers) {
            alone.extend(pass(1, image)?.unwrap_or_default());
        }
        let largest = alone.iter().fold(0.0, |most: f32, x| most.max(x.abs()));
        let near = |(alone, together): (&f32, &f32)| (alone - together).abs() <= ROUNDING * largest;
        Ok(alone.len() == together.len() && alone.iter().zip(&together).all(near))
    }
}

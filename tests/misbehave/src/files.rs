//! What the dataset says of files: names for its samples on request, and a decoder for files of its own kind, text that holds
//! the position of a sample.

use crate::images::{Images, PIXELS, draw};
use crate::{At, Fault, Parameters, Trouble};
use std::path::Path;
use topwork_sdk::{DecodesFiles, Error, FileDecoder, Host, Provenance};

impl Provenance for Images {
    fn names(&self, _: usize) -> Result<Option<Vec<String>>, Error> {
        let few = self.trouble().is(Fault::FewerNames);
        Ok(few.then(|| vec!["first".to_owned()]))
    }
}

pub struct Files(Trouble);

impl DecodesFiles for Images {
    type Decoder = Files;

    fn decoder(host: Host, parameters: Parameters) -> Result<Files, Error> {
        Trouble::new(host, parameters).map(Files)
    }
}

impl FileDecoder for Files {
    type Element = f32;

    fn shape(&self) -> [usize; 3] {
        let wild = self.0.is(Fault::WildShape);
        [1, 28, if wild { usize::MAX } else { 28 }]
    }

    fn decode(&self, path: &Path) -> Result<Vec<f32>, Error> {
        self.0.strike(At::Second)?;
        let text = std::fs::read_to_string(path)
            .map_err(|error| Error::data(format!("cannot be read: {error}")))?;
        let index = text.trim().parse();
        let index: u64 = index.map_err(|_| Error::data("holds no position"))?;
        let mut sample = vec![0.0; PIXELS];
        draw(index, &mut sample);
        if self.0.is(Fault::Nan) {
            sample[5] = f32::NAN;
        }
        if self.0.is(Fault::WrongLengths) {
            sample.pop();
        }
        Ok(sample)
    }
}

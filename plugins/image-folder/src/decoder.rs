//! Files that belong to no folder of the user's, decoded as if they did.

use crate::ImageFolder;
use crate::decode::{decode, decode_image, read};
use crate::parameters::{Parameters, Recipe};
use std::path::Path;
use topwork_sdk::images::Image;
use topwork_sdk::{DecodesFiles, DecodesImages, Error, FileDecoder, Host};

pub struct ImageDecoder(Recipe);

impl DecodesFiles for ImageFolder {
    type Decoder = ImageDecoder;

    fn decoder(_: Host, parameters: Parameters) -> Result<ImageDecoder, Error> {
        parameters.recipe().map(ImageDecoder)
    }
}

impl FileDecoder for ImageDecoder {
    type Element = u8;

    fn shape(&self) -> [usize; 3] {
        [self.0.channels, self.0.height, self.0.width]
    }

    fn decode(&self, path: &Path) -> Result<Vec<u8>, Error> {
        let decoded = read(path, &self.0).and_then(|bytes| decode(bytes, &self.0));
        decoded.map(|decoded| decoded.sample).map_err(Error::data)
    }
}

impl DecodesImages for ImageDecoder {
    fn image(&self, path: &Path) -> Result<Image, Error> {
        let decoded = read(path, &self.0).and_then(|bytes| decode_image(bytes, &self.0));
        decoded.map_err(Error::data)
    }
}

//! Files of numbers as datasets: `idx` (and `mnist`, the published files of that format), `arrays` for NumPy and safetensors,
//! `csv`.
//!
//! `identity` is the backbone for samples that are features already.
//!
//! All datasets but `mnist` come down to the same: arrays of samples and a list of labels, see [`samples`].

mod arrays;
mod csv_file;
mod dialect;
mod folder;
mod groups;
mod header;
mod identity;
mod idx;
mod labels;
mod mnist;
mod npy;
mod numbers;
mod problem;
mod range;
mod samples;
mod targets;
mod unpack;

use topwork_sdk::{dataset, dataset_with_provenance, export_plugin, extractor};

export_plugin! {
    id: "arrays",
    licence: "MIT OR Apache-2.0",
    components: [
        dataset_with_provenance::<arrays::Arrays>(),
        dataset_with_provenance::<csv_file::Csv>(),
        dataset_with_provenance::<idx::Idx>(),
        dataset::<mnist::Mnist>(),
        extractor::<identity::Identity>(),
    ],
}

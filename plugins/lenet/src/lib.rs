//! LeNet: two convolutions with pooling, for images of 28 × 28 pixels in one channel.
//!
//! The sizes are those of the LeNet that came with Caffe (20 and 50 filters of 5 × 5), a variant of LeNet-5: Y. LeCun,
//! L. Bottou, Y. Bengio and P. Haffner, "Gradient-based learning applied to document recognition", Proc. IEEE 86 (1998).

use topwork_sdk::{
    Backbone, Blueprint, Component, Error, Host, Layer, NoParameters, backbone, export_plugin,
};

export_plugin! {
    id: "lenet",
    licence: "MIT OR Apache-2.0",
    components: [backbone::<LeNet>()],
}

struct LeNet;

impl Component for LeNet {
    const ID: &str = "lenet";
    const ABOUT: &str = "LeNet for 1×28×28 images: two convolutions with max pooling, 800 features";
    const SCHEMA: &str = NoParameters::SCHEMA;
    type Parameters = NoParameters;

    fn create(_: Host, _: NoParameters) -> Result<Self, Error> {
        Ok(LeNet)
    }
}

impl Backbone for LeNet {
    fn blueprint(&self) -> Result<Blueprint, Error> {
        Ok(Blueprint::new(&[1, 28, 28])
            .layer("conv1", Layer::conv2d(20, [5, 5]))
            .layer("relu1", Layer::Relu)
            .cut("conv1")
            .layer("pool1", Layer::max_pool2d([2, 2]))
            .cut("pool1")
            .layer("conv2", Layer::conv2d(50, [5, 5]))
            .layer("relu2", Layer::Relu)
            .cut("conv2")
            .layer("pool2", Layer::max_pool2d([2, 2]))
            .cut("pool2")
            .layer("flatten", Layer::Flatten)
            .cut("features"))
    }
}

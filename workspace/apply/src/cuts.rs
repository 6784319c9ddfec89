//! Where a backbone is cut, and whether images fit it.

use topwork_graft::Backbone;
use topwork_schema::{CutPoint, Plan, Reduction};

use crate::{
    ApplyError,
    evaluate::{dims, no_such},
};

/// The cut of an experiment with this name, or its only one.
pub fn cut_of(plan: &Plan, wanted: Option<&str>) -> Result<CutPoint, ApplyError> {
    let mut cuts: Vec<CutPoint> = Vec::new();
    for cut in plan.cuts() {
        let cut = cut.unfitted();
        if !cuts.contains(&cut) {
            cuts.push(cut);
        }
    }
    let names: Vec<&str> = cuts.iter().map(|cut| cut.name.as_str()).collect();
    match (wanted, cuts.as_slice()) {
        (None, [only]) => Ok(only.clone()),
        (None, _) => Err(ApplyError::Other {
            message: "the experiment has several cuts".to_owned(),
            hint: Some(format!("`--cut NAME` names one: {}", names.join(", "))),
        }),
        (Some(wanted), _) => {
            let found = cuts.iter().find(|cut| cut.name == wanted);
            found.cloned().ok_or_else(|| no_such("cut", wanted, &names))
        }
    }
}

/// The cut of a backbone that no experiment names: by a declared name, or so many layers; behind all layers where none is named.
pub fn cut_of_backbone(
    backbone: &Backbone,
    wanted: Option<&str>,
    reduction: Reduction,
) -> Result<CutPoint, ApplyError> {
    let (cuts, layers) = (backbone.cuts(), backbone.layers());
    let number = wanted.map_or(Some(layers.len()), |wanted| wanted.parse().ok());
    let layers = match (number, wanted) {
        (Some(number), _) if (1..=layers.len()).contains(&number) => number,
        (_, wanted) => {
            let wanted = wanted.unwrap_or_default();
            let found = cuts.iter().find(|cut| cut.name == wanted);
            let names: Vec<&str> = cuts.iter().map(|cut| cut.name.as_str()).collect();
            found.ok_or_else(|| no_such("cut", wanted, &names))?.layers
        }
    };
    let name = cuts.iter().find(|cut| cut.layers == layers);
    Ok(CutPoint {
        name: name.map_or_else(|| layers.to_string(), |cut| cut.name.clone()),
        layers,
        joined: Vec::new(),
        reduction,
    })
}

/// Channels, height and width of what a backbone takes.
pub fn input_of(backbone: &Backbone) -> Result<[usize; 3], ApplyError> {
    let input = backbone.input();
    <[usize; 3]>::try_from(input).map_err(|input| ApplyError::Other {
        message: format!(
            "the backbone takes samples of {}, which are no images",
            dims(&input)
        ),
        hint: None,
    })
}

/// Samples of this shape are what is taken.
pub fn fits_input(shape: &[usize; 3], input: [usize; 3]) -> Result<(), ApplyError> {
    if *shape == input {
        return Ok(());
    }
    Err(ApplyError::Other {
        message: format!("samples are {}, expected {}", dims(shape), dims(&input)),
        hint: Some("parameters such as `size` and `channels` of the dataset decide it".to_owned()),
    })
}

//! What `input` of `[backbone]` comes to for the backbone named.

use super::{Backbone, extractor};
use crate::diagnostics::{Diagnostic, Diagnostics};
use crate::input::{Input, InputNormalise, NotNormalised};
use crate::view::Located;
use crate::words::{Normalise, WantedNormalise};
use crate::written::{WrittenDataset, WrittenInput, WrittenSides};
use topwork_images::{Geometry, GeometryError, Resize};

/// The input with its defaults filled in; `published` is how the weights in use want their samples, where they say so.
pub(super) fn check(
    written: &WrittenInput,
    backbone: &Backbone<'_>,
    published: Option<&Normalise>,
    diagnostics: &mut Diagnostics,
) -> Option<Input> {
    let id = backbone.component.id();
    let &[channels @ (1 | 3), height, width] = backbone.input else {
        let takes: Vec<String> = backbone.input.iter().map(usize::to_string).collect();
        let message = format!(
            "`backbone.input`: `{id}` takes {}, which are no images",
            takes.join("x")
        );
        let refused = Diagnostic::new(message, Some(written.span.clone())).label("no images");
        diagnostics.push(refused.hint(
            "`input` goes with backbones that take 1 or 3 channels x height x width".to_owned(),
        ));
        return None;
    };
    for (key, span, items) in &written.not_two {
        let message =
            format!("`backbone.input.{key}`: expected height and width, found {items} numbers");
        let wrong = Diagnostic::new(message, Some(span.clone()));
        diagnostics.push(wrong.label("expected [height, width]"));
    }
    if written.wrong || !written.not_two.is_empty() {
        return None;
    }
    let takes = [height, width];
    let resize = resize(written, takes);
    let crop = written.crop.as_ref();
    let crop_span = crop.map_or(&written.span, |crop| &crop.span).clone();
    let found = match crop.map(|crop| &crop.value) {
        None => Some(takes),
        Some(WrittenSides::Both(sides)) => Some(*sides),
        Some(WrittenSides::One(part)) if *part < 1.0 => Some(parts(resize, *part)),
        Some(WrittenSides::One(side)) => {
            (side.fract() == 0.0 && *side <= f64::from(u32::MAX)).then_some([*side as usize; 2])
        }
    };
    let Some(found) = found else {
        let message =
            "`backbone.input.crop`: expected whole pixels, or a fraction below 1".to_owned();
        diagnostics.push(Diagnostic::new(message, Some(crop_span)).label("neither"));
        return None;
    };
    if found != takes {
        let [found_height, found_width] = found;
        let message = format!(
            "`backbone.input.crop` comes to {found_height}x{found_width}, but `{id}` takes {height}x{width}"
        );
        let refused = Diagnostic::new(message, Some(crop_span))
            .label(format!("{found_height}x{found_width}"));
        diagnostics.push(refused.hint(
            "leave `crop` out to take what the backbone takes, or give the backbone another size where it has a parameter for that"
                .to_owned(),
        ));
        return None;
    }
    if let Err(error) = Geometry::new(resize, takes, written.filter) {
        let span = written
            .resize
            .as_ref()
            .map_or(&written.span, |resize| &resize.span);
        let message = match error {
            GeometryError::CropTooLarge { crop, most } => {
                format!(
                    "`backbone.input`: a crop of {crop} pixels from images that are scaled to {most}"
                )
            }
            error => format!("`backbone.input`: {error}"),
        };
        let refused = Diagnostic::new(message, Some(span.clone())).label("smaller than the crop");
        let least = height.max(width);
        diagnostics.push(refused.hint(format!("write resize = {least} or more")));
        return None;
    }
    Some(Input {
        resize,
        crop: takes,
        filter: written.filter,
        normalise: normalise(written, channels, backbone, published, diagnostics)?,
    })
}

/// A dataset whose samples go through `input` is normalised there, and has images.
pub(super) fn dataset(
    dataset: &WrittenDataset,
    channels: Option<usize>,
    diagnostics: &mut Diagnostics,
) {
    let path = &dataset.component.path;
    if let Some(node) = dataset.component.node.get("normalise") {
        let message =
            format!("`{path}.normalise`: `backbone.input` says how samples are normalised");
        let refused = Diagnostic::new(message, Some(node.span.clone())).label("not here");
        diagnostics.push(refused.hint(
            "move it: input = { normalise = { mean = […], std = […] } } in `[backbone]`".to_owned(),
        ));
    }
    if let Some(channels) = channels.filter(|channels| !matches!(channels, 1 | 3)) {
        let message = format!(
            "`{path}`: its samples have {channels} channels, and `backbone.input` takes grey or colour"
        );
        let span = dataset.component.component.span.clone();
        let refused = Diagnostic::new(message, Some(span)).label("no images");
        diagnostics.push(refused.hint("remove `input` to take samples as they are".to_owned()));
    }
}

fn resize(written: &WrittenInput, takes: [usize; 2]) -> Resize {
    match written.resize.as_ref().map(|resize| &resize.value) {
        Some(WrittenSides::One(side)) => Resize::Shorter(*side as usize),
        Some(WrittenSides::Both(sides)) => Resize::Exactly(*sides),
        None => match written.crop.as_ref().map(|crop| &crop.value) {
            // As timm's `crop_pct`: cut off to whole pixels. The last bits of a quotient must not take one away.
            Some(WrittenSides::One(part)) if *part < 1.0 => {
                let shorter = takes[0].min(takes[1]) as f64;
                Resize::Shorter((shorter / part + 1e-9) as usize)
            }
            _ => Resize::Exactly(takes),
        },
    }
}

/// A fraction of what images are scaled to, of their shorter side where that is all that is known.
fn parts(resize: Resize, part: f64) -> [usize; 2] {
    let of = |side: usize| (side as f64 * part).round() as usize;
    match resize {
        Resize::Shorter(side) => [of(side); 2],
        Resize::Exactly(sides) => sides.map(of),
    }
}

fn normalise(
    written: &WrittenInput,
    channels: usize,
    backbone: &Backbone<'_>,
    published: Option<&Normalise>,
    diagnostics: &mut Diagnostics,
) -> Option<InputNormalise> {
    let id = backbone.component.id();
    let wanted = backbone.extractor.map(|extractor| &extractor.normalise);
    let not = InputNormalise::Not(NotNormalised::None);
    let (message, span, label, hint) = match (&written.normalise, wanted) {
        (None, Some(WantedNormalise::Exactly(exact))) => {
            return Some(InputNormalise::With(exact.clone()));
        }
        (None, Some(WantedNormalise::Stated)) => {
            let Normalise { mean, std } = Normalise::imagenet();
            (
                format!("`backbone.input`: `{id}` cannot know how its images are normalised"),
                written.span.clone(),
                "`normalise` is missing",
                format!(
                    "say how the network was trained, for example normalise = {{ mean = {mean:?}, std = {std:?} }} for most networks trained on ImageNet"
                ),
            )
        }
        (None, Some(WantedNormalise::Any) | None) => {
            return Some(published.cloned().map_or(not, InputNormalise::With));
        }
        (Some(Located { value, span }), wanted) => {
            if let Some(Normalise { mean, std }) = value {
                for (key, numbers) in [("mean", mean), ("std", std)] {
                    if numbers.len() != channels {
                        let message = format!(
                            "`backbone.input.normalise.{key}`: expected {channels} of them, one per channel of `{id}`, found {}",
                            numbers.len()
                        );
                        let wrong = Diagnostic::new(message, Some(span.clone()));
                        diagnostics.push(wrong.label("one per channel"));
                        return None;
                    }
                }
            }
            match (value, wanted) {
                (Some(value), Some(WantedNormalise::Exactly(exact)))
                    if extractor::near(value, exact) =>
                {
                    return Some(InputNormalise::With(value.clone()));
                }
                (_, Some(WantedNormalise::Exactly(exact))) => (
                    format!("`backbone.input.normalise` is other than `{id}` wants it"),
                    span.clone(),
                    "other samples than the network learnt from",
                    format!(
                        "leave it out, or write normalise = {{ mean = {:?}, std = {:?} }}",
                        exact.mean, exact.std
                    ),
                ),
                (Some(value), _) => return Some(InputNormalise::With(value.clone())),
                (None, _) => return Some(not),
            }
        }
    };
    diagnostics.push(Diagnostic::new(message, Some(span)).label(label).hint(hint));
    None
}

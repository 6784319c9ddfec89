//! What torchvision and timm call the weights.

use topwork_sdk::Blueprint;

use crate::tables::{Row, Table};

/// The blueprint with the names of both.
pub fn of(mut blueprint: Blueprint, table: &Table) -> Blueprint {
    let mut in_stage = 0;
    for (number, row) in table.rows.iter().enumerate() {
        let ours = format!("block{number}");
        let begins = number == 0 || table.rows[number - 1].stage != row.stage;
        in_stage = if begins { 0 } else { in_stage + 1 };
        let theirs = format!("blocks.{}.{in_stage}", row.stage);
        blueprint = by_timm(blueprint, row, &theirs, &ours);
        // torchvision counts the first convolution, too.
        let theirs = format!("features.{}", number + 1);
        blueprint = match table.dense {
            None => v2_by_torchvision(blueprint, row, &theirs, &ours),
            Some(_) => v3_by_torchvision(blueprint, row, &theirs, &ours),
        };
    }
    let last = format!("features.{}", table.rows.len() + 1);
    blueprint = blueprint
        .rename_weights("features.0.0.*", "stem.conv.*")
        .rename_weights("features.0.1.*", "stem.norm.*")
        .rename_weights(format!("{last}.0.*"), "head.conv.*")
        .rename_weights(format!("{last}.1.*"), "head.norm.*")
        .rename_weights("conv_stem.*", "stem.conv.*")
        .rename_weights("bn1.*", "stem.norm.*");
    match table.dense {
        None => blueprint
            .rename_weights("conv_head.*", "head.conv.*")
            .rename_weights("bn2.*", "head.norm.*")
            .ignore_weights(&["classifier.*", "*.num_batches_tracked"]),
        // timm's last map is a stage, and its dense layer a convolution of one place.
        Some(_) => {
            let last = table.rows.last().map_or(0, |row| row.stage) + 1;
            blueprint
                .rename_weights(format!("blocks.{last}.0.conv.*"), "head.conv.*")
                .rename_weights(format!("blocks.{last}.0.bn1.*"), "head.norm.*")
                .rename_weights("conv_head.*", "dense.*")
                .rename_weights("classifier.0.*", "dense.*")
                .ignore_weights(&[
                    "classifier.weight",
                    "classifier.bias",
                    "classifier.3.*",
                    "*.num_batches_tracked",
                ])
        }
    }
}

/// The convolutions of a block, in their order.
fn parts(row: &Row) -> &'static [&'static str] {
    match row.expands() {
        true => &["expand", "depthwise", "project"],
        false => &["depthwise", "project"],
    }
}

fn by_timm(mut blueprint: Blueprint, row: &Row, theirs: &str, ours: &str) -> Blueprint {
    let convolutions: &[&str] = match row.expands() {
        true => &["conv_pw", "conv_dw", "conv_pwl"],
        false => &["conv_dw", "conv_pw"],
    };
    for (index, (conv, part)) in convolutions.iter().zip(parts(row)).enumerate() {
        blueprint = blueprint
            .rename_weights(
                format!("{theirs}.{conv}.*"),
                format!("{ours}.{part}.conv.*"),
            )
            .rename_weights(
                format!("{theirs}.bn{}.*", index + 1),
                format!("{ours}.{part}.norm.*"),
            );
    }
    match row.squeezes {
        true => squeezed(
            blueprint,
            &format!("{theirs}.se.conv_"),
            ours,
            ["reduce", "expand"],
        ),
        false => blueprint,
    }
}

/// Each convolution but the last is a module with its normalisation.
fn v2_by_torchvision(mut blueprint: Blueprint, row: &Row, theirs: &str, ours: &str) -> Blueprint {
    let parts = parts(row);
    let last = parts.len() - 1;
    for (index, part) in parts.iter().enumerate() {
        let [conv, norm] = match index == last {
            false => [format!("{index}.0"), format!("{index}.1")],
            true => [index.to_string(), (index + 1).to_string()],
        };
        blueprint = blueprint
            .rename_weights(
                format!("{theirs}.conv.{conv}.*"),
                format!("{ours}.{part}.conv.*"),
            )
            .rename_weights(
                format!("{theirs}.conv.{norm}.*"),
                format!("{ours}.{part}.norm.*"),
            );
    }
    blueprint
}

/// Convolutions and what squeezes the map are modules side by side.
fn v3_by_torchvision(mut blueprint: Blueprint, row: &Row, theirs: &str, ours: &str) -> Blueprint {
    let mut index = 0;
    for part in parts(row) {
        if *part == "project" && row.squeezes {
            let theirs = format!("{theirs}.block.{index}.");
            blueprint = squeezed(blueprint, &theirs, ours, ["fc1", "fc2"]);
            index += 1;
        }
        for (place, what) in ["conv", "norm"].iter().enumerate() {
            blueprint = blueprint.rename_weights(
                format!("{theirs}.block.{index}.{place}.*"),
                format!("{ours}.{part}.{what}.*"),
            );
        }
        index += 1;
    }
    blueprint
}

fn squeezed(blueprint: Blueprint, theirs: &str, ours: &str, names: [&str; 2]) -> Blueprint {
    let [reduce, expand] = names;
    blueprint
        .rename_weights(
            format!("{theirs}{reduce}.*"),
            format!("{ours}.squeeze.reduce.*"),
        )
        .rename_weights(
            format!("{theirs}{expand}.*"),
            format!("{ours}.squeeze.expand.*"),
        )
}

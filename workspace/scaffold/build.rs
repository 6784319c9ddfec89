//! Puts the sources of the sdk and of what it needs into the program, so that a new plugin needs neither this checkout nor a network.
//! Their manifests get what they inherit from the workspace written out.

use std::error::Error;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use toml::{Table, Value};

fn main() -> Result<(), Box<dyn Error>> {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let root = workspace.join("../Cargo.toml");
    println!("cargo::rerun-if-changed={}", root.display());
    let root: Table = fs::read_to_string(root)?.parse()?;
    let mut code = String::from("&[\n");
    for name in ["abi", "nearest", "sdk", "sniff"] {
        let folder = workspace.join(name).canonicalize()?;
        println!("cargo::rerun-if-changed={}", folder.display());
        let manifest = manifest(&fs::read_to_string(folder.join("Cargo.toml"))?, &root)?;
        writeln!(code, "(\"topwork-{name}/Cargo.toml\", {manifest:?}),")?;
        let mut sources = Vec::new();
        collect(&folder.join("src"), &mut sources)?;
        sources.sort();
        for source in sources {
            let relative = source.strip_prefix(&folder)?.display();
            let path = source.display().to_string();
            writeln!(
                code,
                "(\"topwork-{name}/{relative}\", include_str!({path:?})),"
            )?;
        }
    }
    code.push(']');
    let out = PathBuf::from(std::env::var("OUT_DIR")?);
    fs::write(out.join("vendor.rs"), code)?;
    Ok(())
}

fn collect(folder: &Path, sources: &mut Vec<PathBuf>) -> Result<(), Box<dyn Error>> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, sources)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            sources.push(path);
        }
    }
    Ok(())
}

/// A manifest that stands alone: as `cargo package` writes it, without what only this project's tests and lints need.
fn manifest(text: &str, root: &Table) -> Result<String, Box<dyn Error>> {
    let mut manifest: Table = text.parse()?;
    let inherited = |table: &str| -> Option<&Table> { root["workspace"].get(table)?.as_table() };
    let (package, dependencies) = (inherited("package"), inherited("dependencies"));
    let (package, dependencies) = (
        package.ok_or("no [workspace.package]")?,
        dependencies.ok_or("no [workspace.dependencies]")?,
    );
    manifest.remove("lints");
    manifest.remove("dev-dependencies");
    for (table, from) in [("package", package), ("dependencies", dependencies)] {
        let Some(Value::Table(entries)) = manifest.get_mut(table) else {
            continue;
        };
        for (key, value) in entries.iter_mut() {
            let inherits = value.get("workspace").and_then(Value::as_bool) == Some(true);
            if inherits {
                *value = from
                    .get(key)
                    .ok_or(format!("`{key}` is not inherited"))?
                    .clone();
            }
            if let Some(path) = value.get_mut("path") {
                *path = Value::String(format!("../{key}"));
            }
        }
    }
    Ok(toml::to_string(&manifest)?)
}

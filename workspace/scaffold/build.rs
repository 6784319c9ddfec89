//! Puts the templates, the sources of the sdk and of what it needs into the program, so that a new plugin needs neither this checkout nor a network.
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
    for name in ["abi", "images", "nearest", "sdk", "sniff", "tensors"] {
        let folder = workspace.join(name).canonicalize()?;
        println!("cargo::rerun-if-changed={}", folder.display());
        let manifest = manifest(&fs::read_to_string(folder.join("Cargo.toml"))?, &root)?;
        writeln!(code, "(\"topwork-{name}/Cargo.toml\", {manifest:?}),")?;
        list(
            &folder.join("src"),
            &format!("topwork-{name}/src/"),
            &mut code,
        )?;
    }
    code.push(']');
    let out = PathBuf::from(std::env::var("OUT_DIR")?);
    fs::write(out.join("vendor.rs"), code)?;
    let templates = Path::new(env!("CARGO_MANIFEST_DIR")).join("templates");
    println!("cargo::rerun-if-changed={}", templates.display());
    let mut code = String::from("&[\n");
    list(&templates, "", &mut code)?;
    code.push(']');
    fs::write(out.join("templates.rs"), code)?;
    Ok(())
}

/// Writes name and text of every file of a folder as code.
fn list(folder: &Path, before: &str, code: &mut String) -> Result<(), Box<dyn Error>> {
    let mut files = Vec::new();
    collect(folder, &mut files)?;
    files.sort();
    for file in files {
        let relative = file.strip_prefix(folder)?.display();
        let path = file.display().to_string();
        writeln!(code, "(\"{before}{relative}\", include_str!({path:?})),")?;
    }
    Ok(())
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> Result<(), Box<dyn Error>> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        match path.is_dir() {
            true => collect(&path, files)?,
            false => files.push(path),
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

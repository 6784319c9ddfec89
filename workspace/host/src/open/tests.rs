//! Entries made by hand, each wrong in one way.

use super::*;
use std::ffi::c_void;
use topwork_abi::Table;

/// What a case may spoil. The default is a sound plugin with one component of each kind.
struct Parts {
    entry: abi::Entry,
    components: Vec<abi::Component>,
    dataset: abi::DatasetTable,
    /// Replaces the list of components.
    list: Option<*const *const abi::Component>,
}

unsafe extern "C" fn create(
    _: *const abi::HostServices,
    _: abi::Text,
    _: *mut abi::Instance,
    _: *const abi::Sink,
) -> abi::Status {
    abi::Status::UNSUPPORTED
}

unsafe extern "C" fn destroy(_: abi::Instance) {}

unsafe extern "C" fn describe(
    _: abi::Instance,
    _: *mut abi::DatasetDescription,
    _: *const abi::Sink,
) -> abi::Status {
    abi::Status::UNSUPPORTED
}

unsafe extern "C" fn labels(
    _: abi::Instance,
    _: usize,
    _: *mut u32,
    _: usize,
    _: *mut usize,
    _: *const abi::Sink,
) -> abi::Status {
    abi::Status::UNSUPPORTED
}

unsafe extern "C" fn read(
    _: abi::Instance,
    _: usize,
    _: *const u64,
    _: usize,
    _: *mut c_void,
    _: usize,
    _: *const abi::Sink,
) -> abi::Status {
    abi::Status::UNSUPPORTED
}

fn text(text: &'static str) -> abi::Text {
    abi::Text::new(text)
}

fn component(kind: abi::Kind, id: &'static str) -> abi::Component {
    abi::Component {
        size: size_of::<abi::Component>(),
        kind,
        id: text(id),
        about: text("numbers"),
        parameter_schema: text("{\"type\": \"object\"}"),
        create: Some(create),
        destroy: Some(destroy),
        table: std::ptr::null(),
        extension: None,
        context: std::ptr::null(),
        create_in_context: None,
    }
}

type Spoil = fn(&mut Parts);

/// Checks an entry after `spoil` has had its way with it.
fn check(spoil: impl FnOnce(&mut Parts)) -> Result<Checked, String> {
    let mut parts = Parts {
        entry: abi::Entry {
            size: size_of::<abi::Entry>(),
            abi_major: abi::ABI_MAJOR,
            abi_minor: abi::ABI_MINOR,
            id: text("handmade"),
            version: text("1.0"),
            licence: text("MIT"),
            init: None,
            deinit: None,
            components: std::ptr::null(),
            component_count: 1,
        },
        components: vec![component(abi::Kind::DATASET, "digits")],
        dataset: abi::DatasetTable {
            size: size_of::<abi::DatasetTable>(),
            describe: Some(describe),
            labels: Some(labels),
            read: Some(read),
        },
        list: None,
    };
    // Read by the first component unless the case has exchanged its table.
    const OWN_TABLE: *const c_void = std::ptr::without_provenance(1);
    parts.components[0].table = OWN_TABLE;
    spoil(&mut parts);
    // The host takes everything to live until the process ends.
    let dataset: &'static abi::DatasetTable = Box::leak(Box::new(parts.dataset));
    let mut list: Vec<*const abi::Component> = Vec::new();
    for mut component in parts.components {
        if component.table == OWN_TABLE {
            component.table = std::ptr::from_ref(dataset).cast();
        }
        list.push(Box::leak(Box::new(component)));
    }
    parts.entry.components = parts.list.unwrap_or(list.leak().as_ptr());
    let entry: &'static abi::Entry = Box::leak(Box::new(parts.entry));
    // SAFETY: made above; what is spoilt is what the checks are to find.
    unsafe { check_version(entry).and_then(|entry| check_entry(&entry)) }
}

fn add(parts: &mut Parts, kind: abi::Kind, id: &'static str) {
    let mut added = component(kind, id);
    added.table = parts.components[0].table;
    parts.components.push(added);
    parts.entry.component_count = parts.components.len();
}

#[test]
fn a_sound_plugin_passes() {
    let checked = check(|_| ()).unwrap();
    assert_eq!(checked.info.components[0].id, "digits");
    assert_eq!(checked.info.notes, [""; 0]);
}

#[test]
fn kinds_of_a_newer_minor_are_noted_and_left_out() {
    let checked = check(|parts| {
        parts.entry.abi_minor = 7;
        parts.entry.size += 64;
        add(parts, abi::Kind(12), "vendor-net");
    })
    .unwrap();
    assert_eq!(checked.components.len(), 1);
    assert_eq!(
        checked.info.notes,
        ["`vendor-net` is of kind 12, which this topwork does not know"]
    );
}

#[test]
fn tables_of_older_and_newer_minors_pass_and_shorter_ones_do_not() {
    type Resize = fn(&mut Parts, usize);
    let tables: [(&str, usize, Resize); 3] = [
        ("entry", abi::Entry::FIRST_SIZE, |p, size| {
            p.entry.size = size
        }),
        ("component", abi::Component::FIRST_SIZE, |p, size| {
            p.components[0].size = size;
        }),
        ("dataset", abi::DatasetTable::FIRST_SIZE, |p, size| {
            p.dataset.size = size;
        }),
    ];
    for (name, first, resize) in tables {
        for size in [first, first + 8, first + 4096] {
            let checked = check(|parts| resize(parts, size));
            let listed = checked.map(|checked| checked.components.len());
            assert_eq!(listed, Ok(1), "{name} of {size} bytes");
        }
        let refused = check(|parts| resize(parts, first - 8)).err().unwrap();
        let sentence = format!(
            "says that it has {} bytes, expected at least {first}",
            first - 8
        );
        assert!(refused.ends_with(&sentence), "{refused}");
    }
}

/// The table of a dataset as a later minor might have it.
#[repr(C)]
#[derive(Clone, Copy)]
struct LaterTable {
    known: abi::DatasetTable,
    added: Option<unsafe extern "C" fn(abi::Instance)>,
}

// SAFETY: it begins with the size of the table it continues, and zeros are a value of what was added.
unsafe impl Table for LaterTable {
    const FIRST_SIZE: usize = abi::DatasetTable::FIRST_SIZE;
}

#[test]
fn a_function_added_later_is_missing_in_a_table_of_the_first_minor() {
    let known = abi::DatasetTable {
        size: size_of::<abi::DatasetTable>(),
        describe: Some(describe),
        labels: Some(labels),
        read: Some(read),
    };
    // SAFETY: the size says that nothing is there but the fields of the first minor.
    let old = unsafe { table::<LaterTable>((&raw const known).cast()) }.unwrap();
    assert!(old.known.read.is_some() && old.added.is_none());
    let mut later = LaterTable {
        known,
        added: Some(destroy),
    };
    later.known.size = size_of::<LaterTable>();
    // SAFETY: all of it is there.
    let new = unsafe { table::<LaterTable>((&raw const later).cast()) }.unwrap();
    assert!(new.known.read.is_some() && new.added.is_some());
}

#[test]
fn whatever_is_wrong_with_a_table_is_said() {
    let cases: &[(&str, Spoil)] = &[
        ("a newer major", |p| p.entry.abi_major = 3),
        ("an older major", |p| p.entry.abi_major = 0),
        ("a size of nothing", |p| p.entry.size = 0),
        ("a short entry", |p| p.entry.size = 40),
        ("an id in capitals", |p| p.entry.id = text("Handmade")),
        ("an id with an escape", |p| p.entry.id = text("\u{1b}[1mhi")),
        ("an id that is not UTF-8", |p| {
            p.entry.id = abi::Text {
                data: b"\xff".as_ptr(),
                len: 1,
            };
        }),
        ("a version at null", |p| {
            p.entry.version = abi::Text {
                data: std::ptr::null(),
                len: 3,
            };
        }),
        ("a licence without end", |p| p.entry.licence.len = 1 << 40),
        ("no components", |p| p.entry.component_count = 0),
        ("too many components", |p| p.entry.component_count = 1 << 20),
        ("no list of components", |p| p.list = Some(std::ptr::null())),
        ("a component at null", |p| {
            let nothing: *const abi::Component = std::ptr::null();
            p.list = Some(&raw const *Box::leak(Box::new(nothing)));
        }),
        ("a short component", |p| p.components[0].size = 8),
        ("an empty component id", |p| p.components[0].id = text("")),
        ("two datasets of one id", |p| {
            add(p, abi::Kind::DATASET, "digits")
        }),
        ("a schema that is no JSON", |p| {
            p.components[0].parameter_schema = text("{");
        }),
        ("a schema that is no object", |p| {
            p.components[0].parameter_schema = text("true");
        }),
        ("no create", |p| p.components[0].create = None),
        ("no destroy", |p| p.components[0].destroy = None),
        ("no table", |p| p.components[0].table = std::ptr::null()),
        ("a table nowhere", |p| {
            p.components[0].table = std::ptr::without_provenance(3);
        }),
        ("a short table", |p| p.dataset.size = 16),
        ("a missing function", |p| p.dataset.labels = None),
    ];
    let told = |(what, spoil): &(&str, Spoil)| match check(*spoil) {
        Ok(_) => panic!("{what} was accepted"),
        Err(problem) => format!("{what}: {problem}"),
    };
    let messages: Vec<String> = cases.iter().map(told).collect();
    insta::assert_snapshot!(messages.join("\n"));
}

#[test]
fn an_entry_that_is_not_there_is_refused() {
    // SAFETY: null is allowed.
    let refused = unsafe { check_version(std::ptr::null()) };
    assert_eq!(
        refused.err().unwrap(),
        "`topwork_plugin_entry` gave back no table, so the plugin offers nothing"
    );
}

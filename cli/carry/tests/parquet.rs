//! A Parquet export read back by the `parquet` crate's own reader, whole and by its indexes. Other readers
//! get theirs in `tests/bench/carry`.

#![cfg(feature = "parquet")]
#![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]

mod support;

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use arrow_array::cast::AsArray as _;
use arrow_array::types::{Int64Type, TimestampMicrosecondType};
use arrow_array::{Array, RecordBatch};
use logtap_capture::disk::RealDisk;
use logtap_capture::target::Target;
use logtap_capture::time;
use logtap_carry::export::{Exported, Format, Place, Schema, export};
use logtap_carry::filter::Words;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder, RowSelection, RowSelector,
};
use parquet::file::metadata::PageIndexPolicy;
use parquet::file::page_index::column_index::ColumnIndexMetaData;
use serde_json::{Map, Value, json};
use support::{START, carried, control, decode, filter, labels, noise, open, ts, varied};

fn write(from: &Path, to: &Path) -> Exported {
    let place = Place::File(Target::file(to, &[from], false, |_| false).unwrap(), Arc::new(RealDisk));
    export(&open(from), &filter(Words::default()), Format::Parquet, Schema::Plain, place, control()).unwrap()
}

fn rows(batch: &RecordBatch) -> Vec<Value> {
    let text = |name: &str, n: usize| {
        let column = batch.column_by_name(name).unwrap().as_string::<i32>();
        column.is_valid(n).then(|| column.value(n).to_owned())
    };
    let map = |name: &str, n: usize| {
        let entries = batch.column_by_name(name).unwrap().as_map().value(n);
        let (names, values) = (entries.column(0).as_string::<i32>(), entries.column(1).as_string::<i32>());
        let pairs = (0..entries.len()).map(|n| (names.value(n).to_owned(), Value::from(values.value(n))));
        Value::Object(pairs.collect::<Map<_, _>>())
    };
    let ts_ns = batch.column_by_name("ts_ns").unwrap().as_primitive::<Int64Type>();
    let ts = batch.column_by_name("ts").unwrap().as_primitive::<TimestampMicrosecondType>();
    let row = |n: usize| {
        assert_eq!(ts.value(n), ts_ns.value(n).div_euclid(1000));
        json!({
            "ts": time::format(ts_ns.value(n)), "level": text("level", n), "namespace": text("namespace", n),
            "pod": text("pod", n), "container": text("container", n), "app": text("app", n),
            "labels": map("labels", n), "meta": map("meta", n), "msg": text("msg", n),
        })
    };
    (0..batch.num_rows()).map(row).collect()
}

/// What a table has to hold of a capture.
fn expected(dir: &Path) -> Vec<Value> {
    let mut lines: Vec<Value> = decode(dir).iter().map(carried).collect();
    lines.sort_by(|one, other| ts(one).cmp(ts(other)));
    let row = |line: &Value| {
        let level = logtap_capture::level::Level::of(line["msg"].as_str().unwrap().as_bytes()).name();
        let label = |name: &str| line["labels"].get(name).cloned().unwrap_or_default();
        json!({
            "ts": line["ts"], "level": level, "namespace": label("namespace"), "pod": label("pod"),
            "container": label("container"), "app": label("app"), "labels": line["labels"],
            "meta": line.get("meta").cloned().unwrap_or_else(|| json!({})), "msg": line["msg"],
        })
    };
    lines.iter().map(row).collect()
}

fn read(path: &Path) -> Vec<Value> {
    let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(path).unwrap()).unwrap().build().unwrap();
    reader.flat_map(|batch| rows(&batch.unwrap())).collect()
}

#[test]
fn a_table_holds_what_the_lines_hold() {
    let temp = support::tempdir();
    let varied = varied(&temp.path().join("varied"));
    let long = "x".repeat(3000);
    let sets: [&[(&str, &str)]; 6] = [
        &[],
        &[("app", "a"), ("namespace", "n"), ("pod", "p"), ("container", "c"), ("node", "☃")],
        &[("app", "a"), ("other", "\"=1")],
        &[("app", &long)],
        &[("zone", "z")],
        &[("app", ""), ("pod", "p")],
    ];
    let odd = support::capture(&temp.path().join("odd"), |_, builder| {
        for (n, set) in sets.iter().cycle().enumerate().take(100) {
            let message = format!("{} {}", "y".repeat(n * n * 20), ["", "level=warn", "ERROR é"][n % 3]);
            let meta = [("trace", noise(n as u64, 20)), ("k\"", String::new())];
            let meta = &meta.each_ref().map(|(name, value)| (*name, value.as_str()))[..n % 3];
            builder.push(&labels(set), START + n as i64 * 7, START, &message, meta);
        }
        false
    });
    let without = support::capture(&temp.path().join("without"), |_, builder| {
        builder.push(&labels(&[]), START, START, "no label at all", &support::NO_META);
        false
    });
    for (name, dir) in [("varied", varied), ("odd", odd), ("without", without)] {
        let outs = ["one", "two"].map(|out| temp.path().join(format!("{name}-{out}")));
        let lines = expected(&dir);
        assert_eq!(write(&dir, &outs[0]).rows, lines.len() as u64);
        let found = read(&outs[0]);
        for (found, line) in found.iter().zip(&lines) {
            assert_eq!(found, line, "{name}");
        }
        assert_eq!(found.len(), lines.len());
        write(&dir, &outs[1]);
        assert!(std::fs::read(&outs[0]).unwrap() == std::fs::read(&outs[1]).unwrap(), "the same bytes each time");
    }
}

/// Rows of two groups and many pages.
const MANY: usize = 130_000;

#[test]
fn any_rows_are_found_by_the_index_and_bounds_hold() {
    let temp = support::tempdir();
    let dir = support::capture(&temp.path().join("source"), |piece, builder| {
        for n in piece * 1000..(piece + 1) * 1000 {
            let app = format!("app-{:02}", n / 17_000);
            let pairs = [("app", app.as_str()), ("pod", "p"), ("zone", "z")];
            let ts = START + n as i64;
            builder.push(&labels(&pairs[..1 + n % 3]), ts, ts, &format!("message {n}"), &support::NO_META);
        }
        (piece + 1) * 1000 < MANY
    });
    let (out, lines) = (temp.path().join("out"), expected(&dir));
    assert_eq!(write(&dir, &out).rows, MANY as u64);
    let file = File::open(&out).unwrap();
    let options = ArrowReaderOptions::new().with_page_index_policy(PageIndexPolicy::Required);
    let metadata = ArrowReaderMetadata::load(&file, options).unwrap();
    assert_eq!(metadata.metadata().num_row_groups(), 2);
    for from in [0, 19_995, 20_000, 59_999, 100_003, 119_990, 120_000, 129_990] {
        let select = RowSelection::from(vec![RowSelector::skip(from), RowSelector::select(10)]);
        let reader = ParquetRecordBatchReaderBuilder::new_with_metadata(file.try_clone().unwrap(), metadata.clone());
        let reader = reader.with_row_selection(select).build().unwrap();
        let found: Vec<Value> = reader.flat_map(|batch| rows(&batch.unwrap())).collect();
        assert_eq!(found, lines[from..from + 10]);
    }
    let index = &metadata.metadata().column_index().unwrap()[0];
    let ColumnIndexMetaData::BYTE_ARRAY(apps) = &index[6] else { panic!("{:?}", index[6]) };
    for page in 0..6 {
        let of = |n: usize| format!("app-{:02}", n / 17_000);
        let bounds = (apps.min_value(page).unwrap(), apps.max_value(page).unwrap());
        assert_eq!(bounds, (of(page * 20_000).as_bytes(), of(page * 20_000 + 19_999).as_bytes()));
    }
    let pods = metadata.metadata().row_group(0).column(4).statistics().unwrap();
    assert_eq!((pods.null_count_opt(), pods.min_bytes_opt()), (Some(40_000), Some(&b"p"[..])));
}

#[test]
fn more_label_sets_than_have_a_number() {
    let temp = support::tempdir();
    let dir = support::capture(&temp.path().join("source"), |piece, builder| {
        for n in piece * 1000..(piece + 1) * 1000 {
            let pod = format!("pod-{}", n % 22_000);
            let ts = START + n as i64;
            builder.push(&labels(&[("pod", &pod)]), ts, ts, "", &support::NO_META);
        }
        piece < 24
    });
    let (outs, lines) = (["one", "two"].map(|name| temp.path().join(name)), expected(&dir));
    outs.iter().for_each(|out| assert_eq!(write(&dir, out).rows, 25_000));
    assert!(read(&outs[0]) == lines);
    assert!(std::fs::read(&outs[0]).unwrap() == std::fs::read(&outs[1]).unwrap(), "whichever set got a number");
}

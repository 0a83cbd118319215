//! Requests of the kernel, answered from the state. Nothing is cached outside it.

use std::ffi::OsStr;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use fuser::{
    BsdFileFlags, Errno, FileAttr, FileHandle, FileType, Filesystem, FopenFlags, Generation, INodeNo, LockOwner,
    OpenFlags, RenameFlags, ReplyAttr, ReplyCreate, ReplyData, ReplyDirectory, ReplyEmpty, ReplyEntry, ReplyOpen,
    ReplyWrite, Request, TimeOrNow, WriteFlags,
};

use super::state::{Disk, ROOT, State};

/// How long the kernel may remember what it was told: not at all.
const TTL: Duration = Duration::ZERO;

/// A disk as the kernel sees it.
#[derive(Debug)]
pub(super) struct Served(pub(super) Arc<Disk>);

fn attributes(number: u64, size: u64) -> FileAttr {
    let folder = number == ROOT;
    FileAttr {
        ino: INodeNo(number),
        size,
        blocks: size.div_ceil(512),
        atime: UNIX_EPOCH,
        mtime: UNIX_EPOCH,
        ctime: UNIX_EPOCH,
        crtime: UNIX_EPOCH,
        kind: if folder { FileType::Directory } else { FileType::RegularFile },
        perm: if folder { 0o700 } else { 0o600 },
        nlink: 1,
        uid: rustix::process::getuid().as_raw(),
        gid: rustix::process::getgid().as_raw(),
        rdev: 0,
        blksize: 4096,
        flags: 0,
    }
}

fn found(state: &State, number: u64) -> Option<FileAttr> {
    if number == ROOT {
        return Some(attributes(ROOT, 0));
    }
    state.nodes.get(&number).map(|node| attributes(number, node.live.len() as u64))
}

impl Filesystem for Served {
    fn lookup(&self, _: &Request, _: INodeNo, name: &OsStr, reply: ReplyEntry) {
        let state = self.0.state();
        match state.names.get(name).and_then(|number| found(&state, *number)) {
            Some(attributes) => reply.entry(&TTL, &attributes, Generation(0)),
            None => reply.error(Errno::ENOENT),
        }
    }

    fn getattr(&self, _: &Request, number: INodeNo, _: Option<FileHandle>, reply: ReplyAttr) {
        match found(&self.0.state(), number.0) {
            Some(attributes) => reply.attr(&TTL, &attributes),
            None => reply.error(Errno::ENOENT),
        }
    }

    fn setattr(
        &self,
        _: &Request,
        number: INodeNo,
        _: Option<u32>,
        _: Option<u32>,
        _: Option<u32>,
        size: Option<u64>,
        _: Option<TimeOrNow>,
        _: Option<TimeOrNow>,
        _: Option<SystemTime>,
        _: Option<FileHandle>,
        _: Option<SystemTime>,
        _: Option<SystemTime>,
        _: Option<SystemTime>,
        _: Option<BsdFileFlags>,
        reply: ReplyAttr,
    ) {
        self.0.changes.pass();
        let mut state = self.0.state();
        if let (Some(size), Some(node)) = (size, state.nodes.get_mut(&number.0)) {
            node.live.resize(usize::try_from(size).unwrap_or(usize::MAX), 0);
        }
        match found(&state, number.0) {
            Some(attributes) => reply.attr(&TTL, &attributes),
            None => reply.error(Errno::ENOENT),
        }
    }

    fn unlink(&self, _: &Request, _: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        self.0.changes.pass();
        match self.0.state().names.remove(name) {
            Some(_) => reply.ok(),
            None => reply.error(Errno::ENOENT),
        }
    }

    fn rename(
        &self,
        _: &Request,
        _: INodeNo,
        name: &OsStr,
        _: INodeNo,
        to: &OsStr,
        flags: RenameFlags,
        reply: ReplyEmpty,
    ) {
        self.0.changes.pass();
        let mut state = self.0.state();
        if !flags.is_empty() {
            return reply.error(Errno::EINVAL);
        }
        match state.names.remove(name) {
            Some(number) => {
                state.names.insert(to.to_owned(), number);
                reply.ok();
            }
            None => reply.error(Errno::ENOENT),
        }
    }

    fn create(&self, _: &Request, _: INodeNo, name: &OsStr, _: u32, _: u32, _: i32, reply: ReplyCreate) {
        self.0.changes.pass();
        let number = self.0.state().create(name.to_owned());
        reply.created(&TTL, &attributes(number, 0), Generation(0), FileHandle(0), FopenFlags::FOPEN_DIRECT_IO);
    }

    fn open(&self, _: &Request, _: INodeNo, _: OpenFlags, reply: ReplyOpen) {
        reply.opened(FileHandle(0), FopenFlags::FOPEN_DIRECT_IO);
    }

    fn read(
        &self,
        _: &Request,
        number: INodeNo,
        _: FileHandle,
        offset: u64,
        size: u32,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyData,
    ) {
        match self.0.state().nodes.get(&number.0) {
            Some(node) => {
                let from = usize::try_from(offset).unwrap_or(usize::MAX).min(node.live.len());
                let to = (from + size as usize).min(node.live.len());
                reply.data(&node.live[from..to]);
            }
            None => reply.error(Errno::ENOENT),
        }
    }

    fn write(
        &self,
        _: &Request,
        number: INodeNo,
        _: FileHandle,
        offset: u64,
        data: &[u8],
        _: WriteFlags,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyWrite,
    ) {
        self.0.changes.pass();
        let offset = usize::try_from(offset).unwrap_or(usize::MAX);
        if self.0.state().write(number.0, offset, data) {
            // A request of the kernel carries at most 1 MiB.
            reply.written(data.len() as u32);
        } else {
            reply.error(Errno::ENOENT);
        }
    }

    fn flush(&self, _: &Request, _: INodeNo, _: FileHandle, _: LockOwner, reply: ReplyEmpty) {
        reply.ok();
    }

    fn fsync(&self, _: &Request, number: INodeNo, _: FileHandle, _: bool, reply: ReplyEmpty) {
        self.0.changes.pass();
        self.0.syncs.pass();
        self.0.state().sync(number.0);
        reply.ok();
    }

    fn fsyncdir(&self, _: &Request, number: INodeNo, _: FileHandle, _: bool, reply: ReplyEmpty) {
        self.0.changes.pass();
        self.0.syncs.pass();
        self.0.state().sync(number.0);
        reply.ok();
    }

    fn readdir(&self, _: &Request, _: INodeNo, _: FileHandle, offset: u64, mut reply: ReplyDirectory) {
        let state = self.0.state();
        let own = [(OsStr::new("."), ROOT), (OsStr::new(".."), ROOT)];
        let names = state.names.iter().map(|(name, number)| (name.as_os_str(), *number));
        for (at, (name, number)) in own.into_iter().chain(names).enumerate().skip(offset as usize) {
            let kind = if number == ROOT { FileType::Directory } else { FileType::RegularFile };
            if reply.add(INodeNo(number), at as u64 + 1, kind, name) {
                break;
            }
        }
        reply.ok();
    }
}

//! Unpacks the archive of the program, with the decompressor of Zig's own library.

const std = @import("std");

/// As Python's `hashlib.blake2b(archive, digest_size=8)`.
const Digest = std.crypto.hash.blake2.Blake2b(64);

var block: [256 * 1024]u8 = undefined;
var window: [std.compress.flate.max_window_len]u8 = undefined;

/// Unpack the .tar.gz at an offset of a file into a folder, without the folder in which everything in it lies.
///
/// Nothing is written unless its digest, in hexadecimal, is the expected one. Returns null, or what went wrong.
export fn unpack(file: c_int, offset: u64, size: u64, expected: *const [16]u8, folder: c_int) ?[*:0]const u8 {
    extract(file, offset, size, expected, folder) catch |why| return switch (why) {
        error.WriteFailed => "it cannot be written, or is full",
        else => @errorName(why),
    };
    return null;
}

fn extract(file: c_int, offset: u64, size: u64, expected: *const [16]u8, folder: c_int) !void {
    var threaded: std.Io.Threaded = .init_single_threaded;
    const io = threaded.io();
    const from: std.Io.File = .{ .handle = file, .flags = .{ .nonblocking = false } };
    var reader = from.reader(io, &block);
    try reader.seekTo(offset);
    var digest: Digest = .init(.{});
    var left = size;
    while (left > 0) {
        const part = try reader.interface.take(@intCast(@min(left, block.len)));
        digest.update(part);
        left -= part.len;
    }
    var found: [Digest.digest_length]u8 = undefined;
    digest.final(&found);
    if (!std.mem.eql(u8, &std.fmt.bytesToHex(found, .lower), expected)) return error.ItIsDamaged;
    try reader.seekTo(offset);
    var gzip: std.compress.flate.Decompress = .init(&reader.interface, .gzip, &window);
    try std.tar.extract(io, .{ .handle = folder }, &gzip.reader, .{ .strip_components = 1 });
}

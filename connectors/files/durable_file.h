// Files and directories that survive a power cut: written, synced, and renamed into place.
//
// Every function reports the path and what the system said. "No space", quota and file-size limits
// are kResource and retryable, since freeing space mends them; missing files are kNotFound, the
// rest is kIo. Functions without state are safe to call from any thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "core/base/bytes.h"
#include "core/base/result.h"

namespace remapd::files {

// The error of a system call that failed with `error_number`: "<path>: cannot <action>: <reason>".
Error system_error(const std::filesystem::path& path, std::string_view action, int error_number);

// An open file descriptor; closes it.
class FileDescriptor {
 public:
  FileDescriptor() = default;
  explicit FileDescriptor(int fd) : fd_(fd) {}
  FileDescriptor(FileDescriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  FileDescriptor& operator=(FileDescriptor&& other) noexcept;
  ~FileDescriptor();

  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }

 private:
  int fd_ = -1;
};

// Appends all bytes to an open file, whatever the kernel makes of single writes.
Result<void> write_all(int fd, ByteView bytes, const std::filesystem::path& path);

// A new file with these parts one after another, synced. It must not exist yet. On error nothing is
// left behind. The failpoint, if one is named, is passed before the last part.
Result<void> create_file(const std::filesystem::path& path, std::span<const ByteView> parts,
                         std::string_view failpoint_name = {});

// As create_file(), but under `path` + ".tmp" first, then renamed over `path`, and the directory
// synced: a reader of `path` sees the old content or the new.
Result<void> replace_file(const std::filesystem::path& path, std::span<const ByteView> parts);

// All bytes of a file of at most `max_bytes` (kResource beyond that).
Result<Bytes> read_file(const std::filesystem::path& path, std::uint64_t max_bytes);

// Where the file system cannot sync directories, this does nothing: its renames may be lost in a
// power cut, whole, never in part.
Result<void> sync_directory(const std::filesystem::path& path);

// Whether the file system of a directory can sync it. True also of one that cannot be opened.
bool syncs_directories(const std::filesystem::path& directory);

// Creates a directory and its parents where missing, each synced into its parent.
Result<void> make_directories(const std::filesystem::path& path);

// Renames; kConflict when `to` exists already. Durable once the directory is synced. Where the file
// system cannot refuse to replace, the caller's lock must keep others away.
Result<void> rename_new(const std::filesystem::path& from, const std::filesystem::path& to);

// Finds out now, not at the first write, whether files can be made in a directory.
Result<void> check_writable(const std::filesystem::path& directory);

// An exclusive lock (flock) on a file made for it; held until destroyed, and let go by the kernel
// when the process dies.
class FileLock {
 public:
  // kUnavailable (retryable) when another holder does not let go within `patience`.
  static Result<FileLock> acquire(const std::filesystem::path& path,
                                  std::chrono::milliseconds patience);

 private:
  explicit FileLock(FileDescriptor fd) : fd_(std::move(fd)) {}
  FileDescriptor fd_;
};

}  // namespace remapd::files

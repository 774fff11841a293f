#include "connectors/files/durable_file.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <system_error>
#include <thread>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/failpoint.h"

namespace remapd::files {
namespace fs = std::filesystem;
namespace {

bool out_of_space(int error_number) {
  return error_number == ENOSPC || error_number == EDQUOT || error_number == EFBIG;
}

// Without anybody doing anything about it: the same may work a moment later.
bool may_pass(int error_number) {
  constexpr std::array kPassing = {EINTR,  EAGAIN,    EMFILE, ENFILE, EIO,
                                   ENOMEM, ETIMEDOUT, ENOLCK, EBUSY};
  return std::find(kPassing.begin(), kPassing.end(), error_number) != kPassing.end();
}

// By the file system, or the kernel: network and user-space file systems say so of syncing
// directories and of renames that must not replace.
bool is_unsupported(int error_number) {
  return error_number == EINVAL || error_number == ENOSYS || error_number == EOPNOTSUPP;
}

// Until the first write has made a file whole, it is removed again.
class Unfinished {
 public:
  explicit Unfinished(fs::path path) : path_(std::move(path)) {}
  ~Unfinished() {
    if (!finished_) ::unlink(path_.c_str());
  }
  Unfinished(const Unfinished&) = delete;
  Unfinished& operator=(const Unfinished&) = delete;
  void finish() { finished_ = true; }

 private:
  fs::path path_;
  bool finished_ = false;
};

Result<void> write_parts(const fs::path& path, int flags, std::span<const ByteView> parts,
                         std::string_view failpoint_name = {}) {
  const FileDescriptor fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | flags, 0644));
  if (!fd) return fail(system_error(path, "create", errno));
  Unfinished unfinished(path);
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (i + 1 == parts.size() && !failpoint_name.empty()) {
      if (const int error = failpoint(failpoint_name); error != 0) {
        return fail(system_error(path, "write", error));
      }
    }
    if (auto written = write_all(fd.get(), parts[i], path); !written) return written;
  }
  if (::fsync(fd.get()) != 0) return fail(system_error(path, "sync", errno));
  unfinished.finish();
  return {};
}

}  // namespace

Error system_error(const fs::path& path, std::string_view action, int error_number) {
  const std::string reason = std::generic_category().message(error_number);
  if (out_of_space(error_number)) {
    return {ErrorCode::kResource,
            fmt::format("{}: cannot {}: {}; free space there or name another place", path.string(),
                        action, reason),
            true};
  }
  return {error_number == ENOENT ? ErrorCode::kNotFound : ErrorCode::kIo,
          fmt::format("{}: cannot {}: {}", path.string(), action, reason), may_pass(error_number)};
}

FileDescriptor& FileDescriptor::operator=(FileDescriptor&& other) noexcept {
  if (this != &other) {
    if (fd_ >= 0) ::close(fd_);
    fd_ = std::exchange(other.fd_, -1);
  }
  return *this;
}

FileDescriptor::~FileDescriptor() {
  if (fd_ >= 0) ::close(fd_);
}

Result<void> write_all(int fd, ByteView bytes, const fs::path& path) {
  while (!bytes.empty()) {
    constexpr std::size_t kPiece = std::size_t{64} << 20;
    const ssize_t n = ::write(fd, bytes.data(), std::min(bytes.size(), kPiece));
    if (n < 0) {
      if (errno == EINTR) continue;
      return fail(system_error(path, "write", errno));
    }
    bytes = bytes.subspan(static_cast<std::size_t>(n));
  }
  return {};
}

Result<void> create_file(const fs::path& path, std::span<const ByteView> parts,
                         std::string_view failpoint_name) {
  return write_parts(path, O_EXCL, parts, failpoint_name);
}

Result<void> replace_file(const fs::path& path, std::span<const ByteView> parts) {
  fs::path temporary = path;
  temporary += ".tmp";
  if (auto written = write_parts(temporary, O_TRUNC, parts); !written) return written;
  if (::rename(temporary.c_str(), path.c_str()) != 0) {
    const int error_number = errno;
    ::unlink(temporary.c_str());
    return fail(system_error(path, "replace", error_number));
  }
  return sync_directory(path.parent_path());
}

Result<Bytes> read_file(const fs::path& path, std::uint64_t max_bytes) {
  const FileDescriptor fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return fail(system_error(path, "open", errno));
  struct stat status {};
  if (::fstat(fd.get(), &status) != 0) return fail(system_error(path, "examine", errno));
  if (static_cast<std::uint64_t>(status.st_size) > max_bytes) {
    return fail(ErrorCode::kResource,
                fmt::format("{}: it has {} bytes, more than the {} expected of such a file",
                            path.string(), status.st_size, max_bytes));
  }
  Bytes bytes(static_cast<std::size_t>(status.st_size));
  std::size_t have = 0;
  while (have < bytes.size()) {
    const ssize_t n = ::read(fd.get(), bytes.data() + have, bytes.size() - have);
    if (n < 0) {
      if (errno == EINTR) continue;
      return fail(system_error(path, "read", errno));
    }
    if (n == 0) break;  // it has shrunk meanwhile: the checksum of its format will tell
    have += static_cast<std::size_t>(n);
  }
  bytes.resize(have);
  return bytes;
}

Result<void> sync_directory(const fs::path& path) {
  const fs::path directory = path.empty() ? fs::path(".") : path;
  const FileDescriptor fd(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd) return fail(system_error(directory, "open", errno));
  if (::fsync(fd.get()) != 0 && !is_unsupported(errno)) {
    return fail(system_error(directory, "sync", errno));
  }
  return {};
}

bool syncs_directories(const fs::path& directory) {
  const FileDescriptor fd(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  return !fd || ::fsync(fd.get()) == 0 || !is_unsupported(errno);
}

Result<void> make_directories(const fs::path& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) == 0) {
    if (S_ISDIR(status.st_mode)) return {};
    return fail(ErrorCode::kIo, fmt::format("{}: it is not a directory", path.string()));
  }
  if (errno != ENOENT) return fail(system_error(path, "examine", errno));
  const fs::path parent =
      path.has_filename() ? path.parent_path() : path.parent_path().parent_path();
  if (!parent.empty()) {
    if (auto made = make_directories(parent); !made) return made;
  }
  if (::mkdir(path.c_str(), 0755) != 0 && errno != EEXIST) {
    return fail(system_error(path, "create", errno));
  }
  return sync_directory(parent);
}

Result<void> rename_new(const fs::path& from, const fs::path& to) {
  if (::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) == 0) return {};
  int error_number = errno;
  if (is_unsupported(error_number)) {
    if (::access(to.c_str(), F_OK) == 0) {
      error_number = EEXIST;
    } else {
      if (::rename(from.c_str(), to.c_str()) == 0) return {};
      error_number = errno;
    }
  }
  if (error_number == EEXIST || error_number == ENOTEMPTY) {
    return fail(
        ErrorCode::kConflict,
        fmt::format("{}: it exists already: another instance writes here too", to.string()));
  }
  return fail(system_error(from, "rename", error_number));
}

Result<void> check_writable(const fs::path& directory) {
  const fs::path probe = directory / fmt::format(".writable-{}", ::getpid());
  const FileDescriptor fd(::open(probe.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
  if (!fd) return fail(system_error(directory, "create files there", errno));
  ::unlink(probe.c_str());
  return {};
}

Result<FileLock> FileLock::acquire(const fs::path& path, std::chrono::milliseconds patience) {
  FileDescriptor fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644));
  if (!fd) return fail(system_error(path, "open the lock file", errno));
  const auto deadline = std::chrono::steady_clock::now() + patience;
  while (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK && errno != EINTR) return fail(system_error(path, "lock", errno));
    if (std::chrono::steady_clock::now() >= deadline) {
      return fail(ErrorCode::kUnavailable,
                  fmt::format("{}: another process has held this lock for {} ms", path.string(),
                              patience.count()),
                  true);
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return FileLock(std::move(fd));
}

}  // namespace remapd::files

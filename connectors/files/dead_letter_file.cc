#include "connectors/files/dead_letter_file.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>

#include <fcntl.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <openssl/evp.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/check.h"
#include "core/base/failpoint.h"
#include "core/pipeline/failpoints.h"

namespace remapd::files {
namespace fs = std::filesystem;
namespace {

constexpr std::size_t kWriteOutBytes = std::size_t{64} << 10;
constexpr std::size_t kMaxWaitingBytes = std::size_t{4} << 20;

std::string base64(ByteView bytes) {
  std::string out((bytes.size() + 2) / 3 * 4 + 1, '\0');  // EVP_EncodeBlock adds a NUL
  const int n = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                                reinterpret_cast<const unsigned char*>(bytes.data()),
                                static_cast<int>(bytes.size()));
  out.resize(static_cast<std::size_t>(n));
  return out;
}

std::string line_of(const pipeline::DeadLetter& letter, std::size_t max_payload_bytes) {
  const std::size_t kept = std::min(letter.payload.size(), max_payload_bytes);
  nlohmann::ordered_json line{
      {"origin", letter.origin}, {"partition", letter.partition}, {"offset", letter.offset}};
  if (letter.line > 0) line["line"] = letter.line;
  line["reason"] = letter.reason;
  line["payload_bytes"] = letter.payload.size();
  line["payload"] = base64(letter.payload.first(kept));
  // Reasons may quote bytes that are not UTF-8.
  return line.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

fs::path rotated(const fs::path& path, std::uint32_t age) {
  fs::path name = path;
  name += fmt::format(".{}", age);
  return name;
}

}  // namespace

Result<std::unique_ptr<DeadLetterFile>> DeadLetterFile::create(DeadLetterFileOptions options) {
  REMAPD_CHECK(options.max_payload_bytes <= std::size_t{1} << 30, "payloads are kept in part");
  if (options.path.has_parent_path()) {
    if (auto made = make_directories(options.path.parent_path()); !made) {
      return fail(made.error());
    }
  }
  std::unique_ptr<DeadLetterFile> file(new DeadLetterFile(std::move(options)));
  if (auto opened = file->open(); !opened) return fail(opened.error());
  return file;
}

DeadLetterFile::~DeadLetterFile() {
  (void)flush();
}

Result<void> DeadLetterFile::open() {
  const fs::path& path = options_.path;
  FileDescriptor fd(::open(path.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0644));
  if (!fd) return fail(system_error(path, "open", errno));
  struct stat status {};
  if (::fstat(fd.get(), &status) != 0) return fail(system_error(path, "examine", errno));
  size_ = static_cast<std::uint64_t>(status.st_size);
  fd_ = std::move(fd);
  // A crash may have left half a line: end it, so that the next one stands by itself.
  char last = '\n';
  if (size_ > 0 && ::pread(fd_.get(), &last, 1, status.st_size - 1) == 1 && last != '\n' &&
      ::write(fd_.get(), "\n", 1) == 1) {
    ++size_;
  }
  return {};
}

Result<void> DeadLetterFile::accept(const pipeline::DeadLetter& letter) {
  std::string line = line_of(letter, options_.max_payload_bytes);
  if (buffer_.size() + line.size() > kMaxWaitingBytes && !buffer_.empty()) {
    if (auto written = write_out(); !written) {
      ++counters_.refused;
      return written;
    }
  }
  const bool full = size_ + buffer_.size() + line.size() > options_.max_bytes;
  if (full && size_ + buffer_.size() > 0) {
    auto turned = write_out();
    if (turned) turned = rotate();
    // Not being able to rotate is no reason to lose the letter: it waits, and flush() tells.
    if (!turned && buffer_.size() + line.size() > kMaxWaitingBytes) {
      ++counters_.refused;
      return turned;
    }
  }
  buffer_ += line;
  ++counters_.accepted;
  if (buffer_.size() >= kWriteOutBytes) (void)write_out();
  return {};
}

Result<void> DeadLetterFile::flush() {
  if (auto written = write_out(); !written) return written;
  return sync();
}

Result<void> DeadLetterFile::write_out() {
  if (buffer_.empty()) return {};
  if (!fd_) {
    if (auto opened = open(); !opened) return opened;
  }
  if (auto written = write_all(fd_.get(), as_bytes(buffer_), options_.path); !written) {
    // Take back the part that was written: the whole buffer is written again later.
    if (::ftruncate(fd_.get(), static_cast<off_t>(size_)) != 0) {
      fd_ = FileDescriptor();  // opening it again ends the half line
    }
    return written;
  }
  size_ += buffer_.size();
  unsynced_ += buffer_;
  buffer_.clear();
  return unsynced_.size() < kMaxWaitingBytes ? Result<void>{} : sync();
}

// After a failure the kernel takes what it could not write for written, and the next fsync() says
// that all is well.
Result<void> DeadLetterFile::sync() {
  if (unsynced_.empty()) return {};
  int error = failpoint(pipeline::failpoints::kDeadLettersSync);
  if (error == 0 && ::fsync(fd_.get()) != 0 && errno != EINVAL) error = errno;  // EINVAL: a pipe
  if (error == 0) {
    unsynced_.clear();
    return {};
  }
  buffer_.insert(0, unsynced_);
  unsynced_.clear();
  return fail(system_error(options_.path, "sync", error));
}

Result<void> DeadLetterFile::rotate() {
  const fs::path& path = options_.path;
  if (auto synced = sync(); !synced) return synced;
  const fs::path oldest = options_.keep_rotated == 0 ? path : rotated(path, options_.keep_rotated);
  if (::unlink(oldest.c_str()) == 0) {
    ++counters_.files_removed;
  } else if (errno != ENOENT) {
    return fail(system_error(oldest, "remove", errno));
  }
  for (std::uint32_t age = options_.keep_rotated; age >= 1; --age) {
    const fs::path from = age == 1 ? path : rotated(path, age - 1);
    if (::rename(from.c_str(), rotated(path, age).c_str()) != 0 && errno != ENOENT) {
      return fail(system_error(from, "rename", errno));
    }
  }
  fd_ = FileDescriptor();
  size_ = 0;
  if (auto synced = sync_directory(path.parent_path()); !synced) return synced;
  return open();
}

}  // namespace remapd::files

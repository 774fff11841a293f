#include "connectors/files/input_stream.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>
#include <string>
#include <vector>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include "core/base/check.h"

namespace remapd::files {
namespace {

constexpr std::size_t kReadAhead = std::size_t{256} << 10;

bool starts_gzip(const unsigned char* bytes, std::size_t size) {
  return size >= 2 && bytes[0] == 0x1f && bytes[1] == 0x8b;
}

constexpr std::size_t kZstdMagicBytes = 4;
bool starts_zstd(const unsigned char* bytes, std::size_t size) {
  return size >= kZstdMagicBytes && bytes[0] == 0x28 && bytes[1] == 0xb5 && bytes[2] == 0x2f &&
         bytes[3] == 0xfd;
}

struct ZstdDeleter {
  void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
};

}  // namespace

struct InputStream::State {
  std::string path;
  int fd = -1;
  std::vector<unsigned char> raw = std::vector<unsigned char>(kReadAhead);
  std::size_t begin = 0;  // unread bytes of the file are raw[begin, end)
  std::size_t end = 0;
  bool at_file_end = false;

  std::unique_ptr<ZSTD_DCtx, ZstdDeleter> zstd{};  // of a zstd file
  bool inside_frame = false;
  bool compressed = false;  // gzip
  z_stream inflater{};
  bool inside_member = false;  // between a gzip header and its trailer
  std::optional<Error> error;

  ~State() {
    if (compressed) inflateEnd(&inflater);
    if (fd >= 0) ::close(fd);
  }

  // Makes at least `want` bytes available in raw unless the file ends before.
  bool fill(std::size_t want) {
    if (begin > 0) {
      std::memmove(raw.data(), raw.data() + begin, end - begin);
      end -= begin;
      begin = 0;
    }
    while (end < want && !at_file_end) {
      const ssize_t n = ::read(fd, raw.data() + end, raw.size() - end);
      if (n < 0) {
        if (errno == EINTR) continue;
        error = Error{ErrorCode::kIo, fmt::format("{}: cannot read: {}", path, strerror(errno))};
        return false;
      }
      if (n == 0) at_file_end = true;
      end += static_cast<std::size_t>(n);
    }
    return true;
  }

  // After a member: is there another one? Zero padding up to the end (tapes, block devices) is
  // fine.
  bool next_member() {
    for (;;) {
      if (end - begin < 2 && !fill(2)) return false;
      if (begin == end) return false;
      if (starts_gzip(raw.data() + begin, end - begin)) break;
      const auto* first = raw.data() + begin;
      const auto* last = raw.data() + end;
      const auto* other = std::find_if(first, last, [](unsigned char c) { return c != 0; });
      if (other != last) {
        error = Error{ErrorCode::kCorrupt,
                      fmt::format("{}: bytes that are not gzip follow the compressed data", path)};
        return false;
      }
      begin = end;
    }
    REMAPD_CHECK(inflateReset(&inflater) == Z_OK, "an initialised inflater can be reset");
    inside_member = true;
    return true;
  }

  std::size_t inflate_into(std::span<char> out) {
    inflater.next_out = reinterpret_cast<unsigned char*>(out.data());
    inflater.avail_out = static_cast<unsigned>(std::min(out.size(), std::size_t{1} << 30));
    const unsigned capacity = inflater.avail_out;
    while (inflater.avail_out > 0) {
      if (!inside_member && !next_member()) break;
      if (begin == end && !fill(1)) break;
      if (begin == end) {
        error = Error{ErrorCode::kCorrupt,
                      fmt::format("{}: the gzip data ends early: the file is cut off", path)};
        break;
      }
      inflater.next_in = raw.data() + begin;
      inflater.avail_in = static_cast<unsigned>(end - begin);
      const int status = inflate(&inflater, Z_NO_FLUSH);
      begin = end - inflater.avail_in;
      if (status == Z_STREAM_END) {
        inside_member = false;
      } else if (status != Z_OK && status != Z_BUF_ERROR) {
        error = Error{status == Z_MEM_ERROR ? ErrorCode::kResource : ErrorCode::kCorrupt,
                      fmt::format("{}: the gzip data is damaged: {}", path,
                                  inflater.msg != nullptr ? inflater.msg : zError(status))};
        break;
      }
    }
    return capacity - inflater.avail_out;
  }

  std::size_t decompress_into(std::span<char> out) {
    ZSTD_outBuffer to{.dst = out.data(), .size = out.size(), .pos = 0};
    while (to.pos == 0) {
      if (begin == end && !fill(1)) break;
      ZSTD_inBuffer from{.src = raw.data() + begin, .size = end - begin, .pos = 0};
      const std::size_t taken_before = to.pos;
      const bool at_end = from.size == 0;
      if (at_end && !inside_frame) break;
      const std::size_t status = ZSTD_decompressStream(zstd.get(), &to, &from);
      begin += from.pos;
      if (ZSTD_isError(status) != 0) {
        error = Error{ErrorCode::kCorrupt, fmt::format("{}: the zstd data is damaged: {}", path,
                                                       ZSTD_getErrorName(status))};
        break;
      }
      inside_frame = status != 0;
      if (at_end && inside_frame && to.pos == taken_before) {
        error = Error{ErrorCode::kCorrupt,
                      fmt::format("{}: the zstd data ends early: the file is cut off", path)};
        break;
      }
    }
    return to.pos;
  }

  std::size_t copy_into(std::span<char> out) {
    if (begin == end && !fill(1)) return 0;
    const std::size_t n = std::min(out.size(), end - begin);
    std::memcpy(out.data(), raw.data() + begin, n);
    begin += n;
    return n;
  }
};

InputStream::InputStream(std::unique_ptr<State> state) : state_(std::move(state)) {}
InputStream::~InputStream() = default;

Result<std::unique_ptr<InputStream>> InputStream::open(const std::filesystem::path& path) {
  auto state = std::make_unique<State>();
  state->path = path.string();
  state->fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (state->fd < 0) {
    return fail(errno == ENOENT ? ErrorCode::kNotFound : ErrorCode::kIo,
                fmt::format("{}: cannot open: {}", state->path, strerror(errno)));
  }
  if (!state->fill(kZstdMagicBytes)) return fail(*state->error);
  if (starts_zstd(state->raw.data(), state->end)) {
    state->zstd.reset(ZSTD_createDCtx());
    if (!state->zstd) {
      return fail(ErrorCode::kResource, fmt::format("{}: no memory to decompress it", state->path));
    }
  }
  if (starts_gzip(state->raw.data(), state->end)) {
    constexpr int kGzipWindow = 15 + 16;
    if (inflateInit2(&state->inflater, kGzipWindow) != Z_OK) {
      return fail(ErrorCode::kResource, fmt::format("{}: no memory to decompress it", state->path));
    }
    state->compressed = true;
    state->inside_member = true;
  }
  return std::unique_ptr<InputStream>(new InputStream(std::move(state)));
}

Result<std::size_t> InputStream::read(std::span<char> out) {
  REMAPD_CHECK(!out.empty(), "reading needs room");
  std::size_t n = 0;
  if (!state_->error) {
    n = state_->zstd         ? state_->decompress_into(out)
        : state_->compressed ? state_->inflate_into(out)
                             : state_->copy_into(out);
  }
  if (n == 0 && state_->error) return fail(*state_->error);
  return n;
}

bool InputStream::compressed() const {
  return state_->compressed || state_->zstd != nullptr;
}

}  // namespace remapd::files

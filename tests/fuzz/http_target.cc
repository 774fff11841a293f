// The admin server's requests: parsed as a connection would, guarded and answered. The bytes come
// in two pieces, split where the first byte says.
#include <algorithm>

#include <boost/beast/http/parser.hpp>

#include "core/base/check.h"
#include "core/base/hash.h"
#include "daemon/admin/endpoints.h"
#include "daemon/admin/guard.h"
#include "daemon/admin/request_reader.h"
#include "tests/fuzz/fuzz_target.h"
#include "tests/unit/daemon/admin/fake_control.h"

namespace remapd::fuzz {
namespace {

namespace http = boost::beast::http;

constexpr std::uint32_t kMaxHeadBytes = 16 << 10;
constexpr std::uint64_t kMaxBodyBytes = 4 << 10;

// A daemon with one table, of which one version is kept.
struct Daemon {
  Daemon() {
    control.current = admin::example_status();
    const auto blob = [](std::string_view text) {
      const ByteView bytes = as_bytes(text);
      return std::make_shared<mapping::OwnedBlob>(Bytes(bytes.begin(), bytes.end()));
    };
    application::VersionRecord record;
    record.table = "item";
    record.version = Version{7};
    control.shelf.add(
        record, application::make_kept_version(*control.current.tables[0].last, blob("artifact"),
                                               nullptr, blob("plan")));
  }

  admin::FakeControl control;
  admin::Router router = admin::endpoints(control, {});
  admin::Guard open{admin::Reach::kSocket, {}};
  admin::Guard closed{admin::Reach::kNetwork, {}};
};

void answer(Daemon& daemon, admin::Request request) {
  REMAPD_CHECK(request.path.starts_with('/'), "a path begins with a slash");
  daemon.control.done.clear();
  // Nothing but a probe gets past a guard of the outside world without a token.
  REMAPD_CHECK(daemon.closed.refuse(request) ||
                   (is_probe(request) && request.method != admin::Method::kPost),
               "no token, no answer");
  const bool refused = daemon.open.refuse(request).has_value();
  REMAPD_CHECK(refused == (request.method == admin::Method::kPost),
               "without a token there are no actions");
  int answers = 0;
  daemon.router.route(std::move(request), [&](const admin::Response& response) {
    ++answers;
    REMAPD_CHECK(response.status >= 200 && response.status < 600, "an HTTP status");
    REMAPD_CHECK(response.content().size() < (1 << 20), "of bounded size");
    if (response.next_events) response.next_events();
  });
  REMAPD_CHECK(answers == 1, "every request has one answer");
}

}  // namespace
}  // namespace remapd::fuzz

REMAPD_FUZZ_TARGET(http) {
  using namespace remapd;
  if (input.empty()) return;
  static fuzz::Daemon daemon;
  const auto first = static_cast<std::size_t>(input[0]);
  const ByteView bytes = input.subspan(1);
  fuzz::http::request_parser<fuzz::http::string_body> parser;
  parser.header_limit(fuzz::kMaxHeadBytes);
  parser.body_limit(fuzz::kMaxBodyBytes);
  parser.eager(true);
  std::size_t taken = 0;
  boost::beast::error_code error;
  for (const std::size_t end : {std::min(first, bytes.size()), bytes.size()}) {
    while (taken < end && !parser.is_done()) {
      const std::size_t count =
          parser.put(boost::asio::const_buffer(bytes.data() + taken, end - taken), error);
      if (error && error != fuzz::http::error::need_more) return;
      if (count == 0) break;
      taken += count;
    }
  }
  if (!parser.is_done()) return;
  if (auto request = admin::to_request(parser.release())) fuzz::answer(daemon, std::move(*request));
}

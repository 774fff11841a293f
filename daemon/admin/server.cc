#include "daemon/admin/server.h"

#include <cerrno>
#include <string>
#include <thread>
#include <utility>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/admin/credentials.h"
#include "daemon/admin/guard.h"
#include "daemon/admin/session.h"
#include "daemon/config/config_checks.h"

namespace remapd::admin {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

constexpr auto kStopGrace = std::chrono::seconds(1);
constexpr auto kAcceptPause = std::chrono::milliseconds(100);  // after an error: out of descriptors

constexpr auto kLookForFiles = std::chrono::seconds(2);

// An address in use may be that of a process which is just ending: a later start can succeed.
Error cannot_listen(const std::string& address, const error_code& error) {
  const bool may_pass = error == asio::error::address_in_use;
  return {may_pass ? ErrorCode::kUnavailable : ErrorCode::kConfig,
          "admin.listen: cannot listen on " + address + ": " + error.message(), may_pass};
}

// Both accept into a Socket.
using UnixAcceptor = asio::local::stream_protocol::acceptor;

}  // namespace

class AdminServer::Impl {
 public:
  Impl(config::Admin settings, Reach reach, Credentials credentials, Router router,
       logging::Logger& log)
      : settings_(std::move(settings)),
        router_(std::move(router)),
        guard_(reach, std::move(credentials)),
        limits_{.timeout = settings_.header_timeout, .max_body_bytes = settings_.max_body_bytes},
        count_(settings_.max_connections),
        log_(log) {}

  ~Impl() {
    stop();
    if (!unix_path_.empty()) ::unlink(unix_path_.c_str());
  }

  Result<void> listen(const config::ListenAddress& address) {
    return address.unix_path.empty() ? listen_on_port(address) : listen_on_path(address.unix_path);
  }

  std::uint16_t port() const { return port_; }

  void start() {
    accept();
    stamp_ = stamp_of_files(settings_);
    look_for_new_files();
    thread_ = std::thread([this] { io_.run(); });
  }

  void stop() {
    if (!thread_.joinable()) return;
    asio::post(io_, [this] {
      error_code ignored;
      stopping_ = true;
      acceptor_.close(ignored);
      unix_acceptor_.close(ignored);
      files_.cancel();
      grace_.expires_after(kStopGrace);
      grace_.async_wait([this](const error_code&) { io_.stop(); });
      wait_until_idle();
    });
    thread_.join();
  }

  void reload() {
    asio::post(io_, [this] { read_files(); });
  }

 private:
  Result<void> listen_on_port(const config::ListenAddress& address) {
    error_code error;
    tcp::resolver resolver(io_);
    const auto found =
        resolver.resolve(address.host, std::to_string(address.port),
                         tcp::resolver::passive | tcp::resolver::numeric_service, error);
    if (error) return fail(cannot_listen(settings_.listen, error));
    const tcp::endpoint endpoint = found.begin()->endpoint();
    if (acceptor_.open(endpoint.protocol(), error)) {
      return fail(cannot_listen(settings_.listen, error));
    }
    acceptor_.set_option(tcp::acceptor::reuse_address(true), error);
    if (acceptor_.bind(endpoint, error) ||
        acceptor_.listen(asio::socket_base::max_listen_connections, error)) {
      return fail(cannot_listen(settings_.listen, error));
    }
    port_ = acceptor_.local_endpoint(error).port();
    return {};
  }

  Result<void> listen_on_path(const std::string& path) {
    const asio::local::stream_protocol::endpoint endpoint(path);
    error_code error;
    // What a killed daemon left behind is in the way; one that lives is not to be robbed.
    asio::local::stream_protocol::socket probe(io_);
    if (probe.connect(endpoint, error); error == asio::error::connection_refused) {
      ::unlink(path.c_str());
    }
    unix_acceptor_.open(endpoint.protocol(), error);
    if (unix_acceptor_.bind(endpoint, error)) return fail(cannot_listen(settings_.listen, error));
    unix_path_ = path;
    if (::chmod(path.c_str(), 0660) != 0) {
      error = {errno, boost::system::generic_category()};
      return fail(cannot_listen(settings_.listen, error));
    }
    if (unix_acceptor_.listen(asio::socket_base::max_listen_connections, error)) {
      return fail(cannot_listen(settings_.listen, error));
    }
    return {};
  }

  // Ends early when no connection is left.
  void wait_until_idle() {
    if (count_.none()) return io_.stop();
    poll_.expires_after(std::chrono::milliseconds(20));
    poll_.async_wait([this](const error_code& error) {
      if (!error) wait_until_idle();
    });
  }

  void accept() {
    const auto accepted = [this](const error_code& error) { take(error); };
    unix_path_.empty() ? acceptor_.async_accept(socket_, accepted)
                       : unix_acceptor_.async_accept(socket_, accepted);
  }

  void take(const error_code& error) {
    if (stopping_) return;
    if (error) {
      log_.warning("admin server cannot accept a connection", {{"error", error.message()}});
      grace_.expires_after(kAcceptPause);
      grace_.async_wait([this](const error_code& cancelled) {
        if (!cancelled) accept();
      });
      return;
    }
    serve(std::exchange(socket_, Socket(io_)), guard_.credentials().tls, handler_, limits_, count_,
          count_.room());
    accept();
  }

  void handle(Request request, Respond respond) {
    if (request.method == Method::kPost) {
      respond = [this, respond = std::move(respond), path = request.path](Response response) {
        log_.info("action asked for", {{"path", path}, {"status", response.status}});
        respond(std::move(response));
      };
    }
    if (auto refusal = guard_.refuse(request)) return respond(std::move(*refusal));
    router_.route(std::move(request), std::move(respond));
  }

  void look_for_new_files() {
    files_.expires_after(kLookForFiles);
    files_.async_wait([this](const error_code& cancelled) {
      if (cancelled) return;
      if (stamp_of_files(settings_) != stamp_) read_files();
      look_for_new_files();
    });
  }

  void read_files() {
    stamp_ = stamp_of_files(settings_);  // before: a change while reading is seen again
    auto credentials = load_credentials(settings_);
    if (credentials) {
      guard_.replace(std::move(*credentials));
      log_.info("admin server: token and certificate read again");
    } else {
      log_.error("admin server: new token or certificate not used, the old ones stay",
                 {{"error", credentials.error().message}});
    }
  }

  const config::Admin settings_;
  Router router_;
  Guard guard_;
  const Handler handler_ = [this](Request request, Respond respond) {
    handle(std::move(request), std::move(respond));
  };
  SessionLimits limits_;
  SessionCount count_;
  logging::Logger& log_;
  std::uint16_t port_ = 0;
  std::string unix_path_;  // empty: a port
  std::string stamp_;      // of the files as last read
  bool stopping_ = false;
  asio::io_context io_{1};  // after what its sessions refer to
  tcp::acceptor acceptor_{io_};
  UnixAcceptor unix_acceptor_{io_};
  Socket socket_{io_};  // the next connection's
  asio::steady_timer grace_{io_};
  asio::steady_timer poll_{io_};
  asio::steady_timer files_{io_};
  std::thread thread_;
};

namespace {

Reach reach_of(const config::ListenAddress& address) {
  if (!address.unix_path.empty()) return Reach::kSocket;
  return address.local ? Reach::kLoopback : Reach::kNetwork;
}

}  // namespace

Result<std::unique_ptr<AdminServer>> AdminServer::create(const config::Admin& settings,
                                                         Router router, logging::Logger& log) {
  const auto address = config::parse_listen(settings.listen);
  if (!address) return fail(Error(address.error()).with_context("admin.listen"));
  auto credentials = load_credentials(settings);
  if (!credentials) return fail(std::move(credentials).error());
  const bool safe = credentials->tls != nullptr && credentials->token_hash;
  if (!address->local && !safe) {
    return fail(ErrorCode::kConfig,
                "admin.listen: " + settings.listen +
                    " can be reached from elsewhere: that needs TLS and a token");
  }
  auto impl = std::make_unique<Impl>(settings, reach_of(*address), std::move(*credentials),
                                     std::move(router), log);
  if (auto ok = impl->listen(*address); !ok) return fail(std::move(ok).error());
  return std::unique_ptr<AdminServer>(new AdminServer(std::move(impl)));
}

AdminServer::AdminServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
AdminServer::~AdminServer() = default;

void AdminServer::start() {
  impl_->start();
}

void AdminServer::stop() {
  impl_->stop();
}

void AdminServer::reload() {
  impl_->reload();
}

std::uint16_t AdminServer::port() const {
  return impl_->port();
}

}  // namespace remapd::admin

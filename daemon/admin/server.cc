#include "daemon/admin/server.h"

#include <thread>
#include <utility>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include "daemon/admin/session.h"
#include "daemon/config/config_checks.h"

namespace remapd::admin {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

constexpr auto kStopGrace = std::chrono::seconds(1);
constexpr auto kAcceptPause = std::chrono::milliseconds(100);  // after an error: out of descriptors

Error cannot_listen(const std::string& address, const error_code& error) {
  return {ErrorCode::kConfig, "admin.listen: cannot listen on " + address + ": " + error.message(),
          false};
}

}  // namespace

class AdminServer::Impl {
 public:
  Impl(const config::Admin& settings, Router router, logging::Logger& log)
      : router_(std::move(router)),
        limits_{.timeout = settings.header_timeout, .max_body_bytes = settings.max_body_bytes},
        count_(settings.max_connections),
        log_(log) {}

  ~Impl() { stop(); }

  Result<void> listen(const std::string& address) {
    const auto parsed = config::parse_listen(address);
    if (!parsed) return fail(parsed.error());
    error_code error;
    tcp::resolver resolver(io_);
    const auto found =
        resolver.resolve(parsed->host, std::to_string(parsed->port),
                         tcp::resolver::passive | tcp::resolver::numeric_service, error);
    if (error) return fail(cannot_listen(address, error));
    const tcp::endpoint endpoint = found.begin()->endpoint();
    if (acceptor_.open(endpoint.protocol(), error)) return fail(cannot_listen(address, error));
    acceptor_.set_option(tcp::acceptor::reuse_address(true), error);
    if (acceptor_.bind(endpoint, error)) return fail(cannot_listen(address, error));
    if (acceptor_.listen(asio::socket_base::max_listen_connections, error)) {
      return fail(cannot_listen(address, error));
    }
    port_ = acceptor_.local_endpoint(error).port();
    return {};
  }

  std::uint16_t port() const { return port_; }

  void start() {
    accept();
    thread_ = std::thread([this] { io_.run(); });
  }

  void stop() {
    if (!thread_.joinable()) return;
    asio::post(io_, [this] {
      error_code ignored;
      acceptor_.close(ignored);
      grace_.expires_after(kStopGrace);
      grace_.async_wait([this](const error_code&) { io_.stop(); });
      wait_until_idle();
    });
    thread_.join();
  }

 private:
  // Ends early when no connection is left.
  void wait_until_idle() {
    if (count_.none()) return io_.stop();
    poll_.expires_after(std::chrono::milliseconds(20));
    poll_.async_wait([this](const error_code& error) {
      if (!error) wait_until_idle();
    });
  }

  void accept() {
    acceptor_.async_accept(socket_, [this](const error_code& error) {
      if (!acceptor_.is_open()) return;
      if (error) {
        log_.warning("admin server cannot accept a connection", {{"error", error.message()}});
        grace_.expires_after(kAcceptPause);
        grace_.async_wait([this](const error_code& cancelled) {
          if (!cancelled) accept();
        });
        return;
      }
      serve(std::exchange(socket_, Socket(io_)), nullptr, handler_, limits_, count_, count_.full());
      accept();
    });
  }

  Router router_;
  Handler handler_ = [this](Request request, Respond respond) {
    router_.route(std::move(request), std::move(respond));
  };
  SessionLimits limits_;
  SessionCount count_;
  logging::Logger& log_;
  std::uint16_t port_ = 0;
  asio::io_context io_{1};  // after what its sessions refer to
  tcp::acceptor acceptor_{io_};
  Socket socket_{io_};  // the next connection's
  asio::steady_timer grace_{io_};
  asio::steady_timer poll_{io_};
  std::thread thread_;
};

Result<std::unique_ptr<AdminServer>> AdminServer::create(const config::Admin& settings,
                                                         Router router, logging::Logger& log) {
  auto impl = std::make_unique<Impl>(settings, std::move(router), log);
  if (auto ok = impl->listen(settings.listen); !ok) return fail(std::move(ok).error());
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

std::uint16_t AdminServer::port() const {
  return impl_->port();
}

}  // namespace remapd::admin

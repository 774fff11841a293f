// Over real sockets on loopback.
#include "daemon/admin/server.h"

#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/write.hpp>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "tests/support/self_signed.h"
#include "tests/support/temp_dir.h"

namespace remapd::admin {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using namespace std::chrono_literals;

const std::string kToken = "0123456789abcdef";

class Connection {
 public:
  explicit Connection(std::uint16_t port) : socket_(io_) {
    socket_.connect({asio::ip::make_address("127.0.0.1"), port});
  }
  void send(const std::string& bytes, boost::system::error_code& error) {
    asio::write(socket_, asio::buffer(bytes), error);
  }
  void send(const std::string& bytes) { asio::write(socket_, asio::buffer(bytes)); }
  // One response with a Content-Length; `has_body` false for those to HEAD.
  std::string response(bool has_body = true) {
    while (buffer_.find("\r\n\r\n") == std::string::npos) {
      if (!more()) return std::exchange(buffer_, {});
    }
    std::size_t size = buffer_.find("\r\n\r\n") + 4;
    const std::size_t field = buffer_.find("Content-Length: ");
    if (has_body && field < size) size += std::stoul(buffer_.substr(field + 16));
    while (buffer_.size() < size) {
      if (!more()) break;
    }
    const std::string out = buffer_.substr(0, size);
    buffer_.erase(0, size);
    return out;
  }
  // Whether this comes.
  bool wait_for(const std::string& text) {
    while (buffer_.find(text) == std::string::npos) {
      if (!more()) return false;
    }
    return true;
  }
  // Everything until the server closes.
  std::string rest() {
    while (more()) {
    }
    return std::exchange(buffer_, {});
  }

 private:
  bool more() {
    char bytes[4096];
    boost::system::error_code error;
    const std::size_t count = socket_.read_some(asio::buffer(bytes), error);
    if (error) return false;
    buffer_.append(bytes, count);
    return true;
  }

  asio::io_context io_;
  tcp::socket socket_;
  std::string buffer_;
};

class ServerTest : public testing::Test {
 protected:
  ServerTest() : log_({.level = config::LogLevel::kError}) {
    settings_.listen = "127.0.0.1:0";
    settings_.header_timeout = 300ms;
    settings_.max_connections = 8;
    settings_.max_body_bytes = 100;
    std::ofstream(dir_ / "token") << kToken;
    settings_.token_file = dir_ / "token";
  }
  ~ServerTest() override {
    if (server_) server_->stop();
    for (std::thread& thread : threads_) thread.join();
  }

  void start() {
    Router router;
    router.add(Method::kGet, "/hello", [](const Request&, const Respond& respond) {
      respond({.content_type = "text/plain", .body = "hello"});
    });
    router.add(Method::kGet, "/livez", [](const Request&, const Respond& respond) {
      respond({.content_type = "text/plain", .body = "alive"});
    });
    router.add(Method::kPost, "/echo", [](const Request& request, const Respond& respond) {
      respond({.content_type = "text/plain", .body = request.body});
    });
    router.add(Method::kGet, "/later", [this](const Request&, Respond respond) {
      threads_.emplace_back([respond = std::move(respond)] {
        std::this_thread::sleep_for(50ms);
        respond({.content_type = "text/plain", .body = "later"});
      });
      ++asked_later_;
    });
    router.add(Method::kGet, "/blob", [](const Request&, const Respond& respond) {
      Response response;
      const std::string content(8 << 20, 'x');
      const ByteView bytes = as_bytes(content);
      response.blob = std::make_shared<mapping::OwnedBlob>(Bytes(bytes.begin(), bytes.end()));
      response.part = response.blob->view().subspan(1);
      respond(std::move(response));
    });
    router.add(Method::kGet, "/events", [this](const Request&, const Respond& respond) {
      Response response;
      response.content_type = "text/event-stream";
      // Far more than the kernel buffers between the two.
      response.next_events = [this] {
        ++events_;
        return "data: " + std::string(event_size_, 'x') + "\n\n";
      };
      respond(std::move(response));
    });
    auto server = AdminServer::create(settings_, std::move(router), log_);
    ASSERT_TRUE(server) << server.error().message;
    server_ = std::move(*server);
    server_->start();
  }
  Connection connect() { return Connection(server_->port()); }

  test_support::TempDir dir_;
  config::Admin settings_;
  logging::Logger log_;
  std::vector<std::thread> threads_;  // the server's, until it is stopped
  std::atomic<int> asked_later_{0};
  std::atomic<int> events_{0};
  std::size_t event_size_ = 1;
  std::unique_ptr<AdminServer> server_;
};

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

TEST_F(ServerTest, KeepsConnectionsAndAnswersOneAfterAnother) {
  start();
  Connection connection = connect();
  connection.send(
      "GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\nGET /later HTTP/1.1\r\nHost: "
      "localhost\r\n\r\n");
  EXPECT_TRUE(connection.response().ends_with("\r\n\r\nhello"));
  EXPECT_TRUE(connection.response().ends_with("\r\n\r\nlater"));
  connection.send("HEAD /hello HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
  const std::string head = connection.rest();
  EXPECT_TRUE(head.starts_with("HTTP/1.1 200 OK\r\n")) << head;
  EXPECT_TRUE(has(head, "Content-Length: 5\r\n")) << head;
  EXPECT_TRUE(head.ends_with("\r\n\r\n")) << head;
}

TEST_F(ServerTest, TellsBrowsersToBeCareful) {
  start();
  Connection connection = connect();
  connection.send("GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n");
  const std::string response = connection.response();
  EXPECT_TRUE(has(response, "Content-Security-Policy: default-src 'none'\r\n")) << response;
  EXPECT_TRUE(has(response, "X-Content-Type-Options: nosniff\r\n")) << response;
}

TEST_F(ServerTest, TakesBodiesUpToItsBound) {
  start();
  Connection connection = connect();
  connection.send("POST /echo HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer " + kToken +
                  "\r\nContent-Length: 3\r\n\r\nabc");
  EXPECT_TRUE(connection.response().ends_with("\r\n\r\nabc"));
  connection.send("POST /echo HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer " + kToken +
                  "\r\nContent-Length: 101\r\n\r\n");
  EXPECT_TRUE(has(connection.rest(), "413 Payload Too Large"));
}

TEST_F(ServerTest, RefusesWhatIsNotHttp) {
  start();
  Connection garbage = connect();
  garbage.send("\x16\x03\x01 tls?\r\n\r\n");
  EXPECT_TRUE(has(garbage.rest(), "400 Bad Request"));
  Connection large = connect();
  large.send("GET /hello HTTP/1.1\r\nX-Large: " + std::string(17 << 10, 'a') + "\r\n\r\n");
  EXPECT_TRUE(has(large.rest(), "431 Request Header Fields Too Large"));
  Connection target = connect();
  target.send("GET /% HTTP/1.1\r\nHost: localhost\r\n\r\n");
  EXPECT_TRUE(has(target.response(), "400 Bad Request"));
}

TEST_F(ServerTest, ClosesConnectionsThatDoNotFinishTheirHead) {
  start();
  Connection slow = connect();
  slow.send("GET /hello HTTP/1.1\r\nHo");
  EXPECT_EQ(slow.rest(), "");  // returns because the server closed it
}

TEST_F(ServerTest, ClosesConnectionsThatSendTheirHeadDropByDrop) {
  start();
  Connection slow = connect();
  slow.send("GET /hello HTTP/1.1\r\n");
  // Each drop comes well before the time is up; the time is for the whole head.
  const auto begin = std::chrono::steady_clock::now();
  boost::system::error_code error;
  while (!error && std::chrono::steady_clock::now() - begin < 20s) {
    slow.send("X-Drop: 1\r\n", error);
    std::this_thread::sleep_for(20ms);
  }
  EXPECT_TRUE(error) << "still listened to";
}

TEST_F(ServerTest, ProbesAreAnsweredAmongAThousandConnections) {
  rlimit files{};
  ::getrlimit(RLIMIT_NOFILE, &files);
  if (files.rlim_max < 4'096) GTEST_SKIP() << "every test skipped: needs 4096 open files";
  rlimit more = files;
  more.rlim_cur = std::max<rlim_t>(files.rlim_cur, 4'096);
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &more), 0);
  settings_.header_timeout = 10s;
  start();
  std::vector<std::unique_ptr<Connection>> crowd;
  for (int i = 0; i < 1'000; ++i) {
    crowd.push_back(std::make_unique<Connection>(server_->port()));
    boost::system::error_code error;
    crowd.back()->send("GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n", error);
  }
  // Some are served and stay, the others are told that there is no room.
  std::size_t served = 0;
  for (int i = 0; i < 1'000; ++i) {
    const std::string response = crowd[i]->response();
    if (response.ends_with("hello")) {
      ++served;
    } else {
      EXPECT_TRUE(response.empty() || has(response, "admin.max_connections")) << response;
    }
  }
  EXPECT_EQ(served, settings_.max_connections);
  Connection probe = connect();
  probe.send("GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n");
  EXPECT_TRUE(probe.rest().ends_with("alive"));
  ::setrlimit(RLIMIT_NOFILE, &files);
}

TEST_F(ServerTest, ActionsNeedTheTokenAndItMayChange) {
  start();
  const auto post = [&](const std::string& token) {
    Connection connection = connect();
    connection.send("POST /echo HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer " + token +
                    "\r\nContent-Length: 0\r\n\r\n");
    const std::string response = connection.response();
    return response.substr(9, 3);
  };
  EXPECT_EQ(post(kToken), "200");
  EXPECT_EQ(post("fedcba9876543210"), "401");
  std::ofstream(dir_ / "token") << "fedcba9876543210";
  server_->reload();
  EXPECT_EQ(post("fedcba9876543210"), "200");
  EXPECT_EQ(post(kToken), "401");
  std::ofstream(dir_ / "token") << "bad";  // not used
  server_->reload();
  EXPECT_EQ(post("fedcba9876543210"), "200");
}

// A client that speaks TLS and trusts anybody.
class TlsConnection {
 public:
  explicit TlsConnection(std::uint16_t port) : stream_(io_, context_) {
    stream_.next_layer().connect({asio::ip::make_address("127.0.0.1"), port});
    stream_.handshake(asio::ssl::stream_base::client);
  }
  std::string get(const std::string& path) {
    asio::write(stream_, asio::buffer("GET " + path +
                                      " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"));
    std::string out;
    boost::system::error_code error;
    asio::read(stream_, asio::dynamic_buffer(out), error);
    ended_well_ = error == asio::error::eof;
    return out;
  }
  long serial() {
    const std::unique_ptr<X509, decltype(&X509_free)> certificate(
        SSL_get1_peer_certificate(stream_.native_handle()), &X509_free);
    return ASN1_INTEGER_get(X509_get_serialNumber(certificate.get()));
  }
  bool ended_well() const { return ended_well_; }

 private:
  asio::io_context io_;
  asio::ssl::context context_{asio::ssl::context::tls_client};
  asio::ssl::stream<tcp::socket> stream_;
  bool ended_well_ = false;
};

TEST_F(ServerTest, SpeaksTlsAndTakesNewCertificatesWithoutARestart) {
  ASSERT_TRUE(test_support::write_self_signed(dir_.path(), 1));
  settings_.tls_certificate_file = dir_ / "cert.pem";
  settings_.tls_key_file = dir_ / "key.pem";
  settings_.header_timeout = 5s;
  start();
  TlsConnection first(server_->port());
  EXPECT_EQ(first.serial(), 1);
  ASSERT_TRUE(test_support::write_self_signed(dir_.path(), 2));
  server_->reload();
  // The reload is done before anything that is asked for later.
  TlsConnection(server_->port()).get("/hello");
  EXPECT_EQ(TlsConnection(server_->port()).serial(), 2);
  EXPECT_TRUE(first.get("/hello").ends_with("hello"));  // goes on with the old one
  EXPECT_TRUE(first.ended_well());
  // One that cannot be used changes nothing.
  std::ofstream(dir_ / "cert.pem") << "rubbish";
  server_->reload();
  TlsConnection(server_->port()).get("/hello");
  EXPECT_EQ(TlsConnection(server_->port()).serial(), 2);
}

TEST_F(ServerTest, FindsNewCertificatesByItself) {
  ASSERT_TRUE(test_support::write_self_signed(dir_.path(), 1));
  settings_.tls_certificate_file = dir_ / "cert.pem";
  settings_.tls_key_file = dir_ / "key.pem";
  settings_.header_timeout = 5s;
  start();
  ASSERT_TRUE(test_support::write_self_signed(dir_.path(), 2));
  for (int attempt = 0; attempt < 200; ++attempt) {
    if (TlsConnection(server_->port()).serial() == 2) return;
    std::this_thread::sleep_for(50ms);
  }
  FAIL() << "still the old one";
}

TEST_F(ServerTest, WhoSpeaksNoTlsIsHungUpOn) {
  ASSERT_TRUE(test_support::write_self_signed(dir_.path()));
  settings_.tls_certificate_file = dir_ / "cert.pem";
  settings_.tls_key_file = dir_ / "key.pem";
  start();
  Connection plain = connect();
  plain.send("GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n");
  EXPECT_FALSE(has(plain.rest(), "hello"));
  EXPECT_EQ(connect().rest(), "");  // nor may one say nothing
}

TEST_F(ServerTest, ListensOnAUnixSocket) {
  const std::string path = dir_ / "admin.sock";
  settings_.listen = "unix:" + path;
  const auto get = [&] {
    asio::io_context io;
    asio::local::stream_protocol::socket socket(io);
    socket.connect(asio::local::stream_protocol::endpoint(path));
    asio::write(socket,
                asio::buffer(std::string(
                    "GET /hello HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")));
    std::string out;
    boost::system::error_code error;
    asio::read(socket, asio::dynamic_buffer(out), error);
    return out;
  };
  start();
  EXPECT_EQ(server_->port(), 0);
  EXPECT_TRUE(get().ends_with("hello"));
  struct stat info {};
  ASSERT_EQ(::stat(path.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0660U);
  const auto second = AdminServer::create(settings_, Router{}, log_);
  ASSERT_FALSE(second);  // the first one lives
  EXPECT_TRUE(has(second.error().message, "admin.listen")) << second.error().message;
  EXPECT_TRUE(get().ends_with("hello"));
  server_.reset();
  EXPECT_FALSE(std::filesystem::exists(path));
  {  // as a killed daemon leaves it
    asio::io_context io;
    asio::local::stream_protocol::acceptor(io, asio::local::stream_protocol::endpoint(path));
  }
  ASSERT_TRUE(std::filesystem::exists(path));
  start();
  EXPECT_TRUE(get().ends_with("hello"));
}

TEST_F(ServerTest, ElsewhereIsRefusedWithoutTlsAndToken) {
  settings_.listen = "0.0.0.0:0";
  const auto server = AdminServer::create(settings_, Router{}, log_);
  ASSERT_FALSE(server);
  EXPECT_EQ(server.error().code, ErrorCode::kConfig);
  EXPECT_TRUE(has(server.error().message, "needs TLS and a token")) << server.error().message;
}

TEST_F(ServerTest, RefusesConnectionsBeyondItsBoundAndRecovers) {
  settings_.header_timeout = 2s;
  start();
  {
    std::vector<std::unique_ptr<Connection>> idle;
    for (int i = 0; i < 8; ++i) {
      idle.push_back(std::make_unique<Connection>(server_->port()));
      idle.back()->send("GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n");
      ASSERT_TRUE(idle.back()->response().ends_with("hello"));
    }
    Connection one_more = connect();
    one_more.send("GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n");
    EXPECT_TRUE(has(one_more.rest(), "admin.max_connections"));
  }
  for (int attempt = 0; attempt < 100; ++attempt) {  // until it has seen them go
    Connection connection = connect();
    connection.send("GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n");
    if (connection.response().ends_with("hello")) return;
    std::this_thread::sleep_for(20ms);
  }
  FAIL() << "still refused";
}

TEST_F(ServerTest, SendsBlobsWithoutTheirHead) {
  start();
  Connection connection = connect();
  connection.send("GET /blob HTTP/1.1\r\nHost: localhost\r\n\r\n");
  const std::string response = connection.response();
  EXPECT_TRUE(has(response, "Content-Length: 8388607\r\n"));
  EXPECT_EQ(response.size() - response.find("\r\n\r\n") - 4, 8'388'607U);
  connection.send("HEAD /blob HTTP/1.1\r\nHost: localhost\r\n\r\n");
  EXPECT_TRUE(has(connection.response(false), "Content-Length: 8388607\r\n"));
  connection.send("GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n");
  EXPECT_TRUE(connection.response().ends_with("hello"));
}

TEST_F(ServerTest, SendsEventsUntilTheClientGoes) {
  start();
  {
    Connection connection = connect();
    connection.send("GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n");
    const std::string head = connection.response();
    EXPECT_TRUE(has(head, "Content-Type: text/event-stream\r\n")) << head;
    EXPECT_TRUE(has(head, "Cache-Control: no-store\r\n")) << head;
    EXPECT_FALSE(has(head, "Content-Length")) << head;
    EXPECT_TRUE(connection.wait_for("data: x\n\ndata: x\n\n"));
  }
  Connection other = connect();
  other.send("HEAD /events HTTP/1.1\r\nHost: localhost\r\n\r\n");
  EXPECT_TRUE(has(other.rest(), "text/event-stream"));
}

TEST_F(ServerTest, HangsUpOnAReaderThatDoesNotTakeItsEvents) {
  event_size_ = 64 << 20;
  start();
  Connection connection = connect();
  connection.send("GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n");
  while (events_ == 0) std::this_thread::sleep_for(1ms);
  std::this_thread::sleep_for(600ms);  // twice the time out
  EXPECT_LT(connection.rest().size(), event_size_);
  EXPECT_EQ(events_, 1);  // nothing more was made for it
}

TEST_F(ServerTest, FinishesAnswersWhenStopped) {
  start();
  Connection connection = connect();
  connection.send("GET /later HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
  while (asked_later_ == 0) std::this_thread::sleep_for(1ms);
  server_->stop();
  EXPECT_TRUE(connection.rest().ends_with("later"));
}

TEST_F(ServerTest, ATakenPortIsAnErrorThatNamesTheKey) {
  start();
  config::Admin other = settings_;
  other.listen = "127.0.0.1:" + std::to_string(server_->port());
  const auto second = AdminServer::create(other, Router{}, log_);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::kUnavailable);
  EXPECT_TRUE(has(second.error().message, "admin.listen")) << second.error().message;
}

}  // namespace
}  // namespace remapd::admin

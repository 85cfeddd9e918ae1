#include "iscsid/ipc/listener.hpp"
#include "iscsid/metrics/http_server.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <thread>
#include <vector>

namespace iscsid::metrics {
namespace {

using namespace std::chrono_literals;
namespace asio = boost::asio;
using testing::HasSubstr;
using testing::StartsWith;

constexpr auto most_patience = 10s;

// A client that does what it likes with the bytes.
class client {
  public:
    explicit client(const std::filesystem::path& path) : fd_(::socket(AF_UNIX, SOCK_STREAM, 0)) {
        sockaddr_un to{};
        to.sun_family = AF_UNIX;
        path.string().copy(to.sun_path, sizeof to.sun_path - 1);
        EXPECT_EQ(::connect(fd_, reinterpret_cast<const sockaddr*>(&to), sizeof to), 0);
    }

    ~client() { ::close(fd_); }

    client(const client&) = delete;
    client& operator=(const client&) = delete;

    void send(std::string_view bytes) const {
        EXPECT_EQ(
            ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL),
            static_cast<ssize_t>(bytes.size())
        );
    }

    void get(std::string_view target = "/metrics") const {
        send("GET " + std::string(target) + " HTTP/1.1\r\nHost: x\r\n\r\n");
    }

    // Of one that may have been refused and disconnected by now.
    void try_to_get() const {
        constexpr std::string_view bytes = "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n";
        static_cast<void>(::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL));
    }

    // What came, as soon as it has that in it, or the other side has closed.
    std::string read_until(std::string_view part) {
        const auto end = std::chrono::steady_clock::now() + most_patience;
        while (received_.find(part) == std::string::npos && !closed_ &&
               std::chrono::steady_clock::now() < end)
            receive();
        return std::exchange(received_, {});
    }

    std::string read_to_end() {
        auto all = read_until("\x01 nobody writes that");
        EXPECT_TRUE(closed_);
        return all;
    }

  private:
    void receive() {
        pollfd look{fd_, POLLIN, 0};
        if (::poll(&look, 1, 100) == 0)
            return;
        std::array<char, 65536> chunk{};
        const ssize_t n = ::recv(fd_, chunk.data(), chunk.size(), 0);
        if (n > 0)
            received_.append(chunk.data(), static_cast<std::size_t>(n));
        else
            closed_ = true;
    }

    int fd_;
    bool closed_ = false;
    std::string received_;
};

// A server with a daemon that there is not, on a thread of its own.
struct http_server_test : testing::Test {
    http_server_test() {
        std::string name = testing::TempDir() + "metrics.XXXXXX";
        folder = ::mkdtemp(name.data());
        path = folder / "metrics.sock";
        limits.request = limits.response = 60s; // nobody is cut off because a machine is slow
    }

    ~http_server_test() override {
        context.stop();
        if (thread.joinable())
            thread.join();
        std::filesystem::remove_all(folder);
    }

    void start() {
        listening.emplace(ipc::listener::open_own(path, "").value());
        server.emplace(
            context.get_executor(), listening->take_socket(), [this] { return observe(); }, limits
        );
        thread = std::thread([this] { context.run(); });
    }

    asio::awaitable<std::optional<iscsi::metrics::observation>> observe() {
        ++observations;
        if (is_stuck)
            co_return std::nullopt;
        asio::steady_timer while_sessions_answer(context, takes);
        co_await while_sessions_answer.async_wait(asio::use_awaitable);
        iscsi::metrics::observation seen;
        seen.daemon.version = "9";
        seen.sessions.resize(sessions);
        co_return seen;
    }

    std::filesystem::path folder;
    std::filesystem::path path;
    http_limits limits;
    std::atomic<int> observations = 0;
    std::atomic<bool> is_stuck = false;
    std::size_t sessions = 1;
    std::chrono::milliseconds takes{0};
    asio::io_context context{1};
    std::optional<ipc::listener> listening;
    std::optional<http_server> server;
    std::thread thread;
};

TEST_F(http_server_test, gives_openmetrics_again_and_again) {
    start();
    client one(path);
    for (int n = 0; n < 3; ++n) {
        one.get();
        const auto answer = one.read_until("# EOF\n");
        EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 OK\r\n"));
        EXPECT_THAT(
            answer,
            HasSubstr("Content-Type: application/openmetrics-text; version=1.0.0; charset=utf-8\r\n"
            )
        );
        EXPECT_THAT(answer, HasSubstr("iscsi_build_info{version=\"9\""));
    }
}

TEST_F(http_server_test, knows_head_and_the_old_form) {
    start();
    client one(path);
    one.send("HEAD /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
    const auto head = one.read_until("\r\n\r\n");
    EXPECT_THAT(head, StartsWith("HTTP/1.1 200 OK\r\n"));
    EXPECT_THAT(head, testing::EndsWith("\r\n\r\n"));
    one.send("GET /metrics HTTP/1.0\r\nAccept: text/plain\r\n\r\n");
    const auto text = one.read_to_end();
    EXPECT_THAT(text, HasSubstr("Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n"));
    EXPECT_THAT(text, testing::Not(HasSubstr("# EOF")));
}

TEST_F(http_server_test, answers_rubbish_and_closes) {
    start();
    for (const auto* const rubbish :
         {"\x16\x03\x01\x02\x01\r\n\r\n", "GET\r\n\r\n", "GET /metrics HTTP/9.9\r\n\r\n"}) {
        client one(path);
        one.send(rubbish);
        EXPECT_THAT(one.read_to_end(), StartsWith("HTTP/1.1 400 ")) << rubbish;
    }
    client talker(path);
    talker.send("GET /metrics HTTP/1.1\r\nX: " + std::string(9000, 'a') + "\r\n\r\n");
    EXPECT_THAT(talker.read_to_end(), StartsWith("HTTP/1.1 431 "));
    for (const auto* const target : {"/", "http://x", "http://x/metric"}) {
        client other(path);
        other.get(target);
        EXPECT_THAT(other.read_to_end(), StartsWith("HTTP/1.1 404 ")) << target;
    }
    EXPECT_EQ(observations, 0);
    client through_a_proxy(path);
    through_a_proxy.get("http://x/metrics");
    EXPECT_THAT(through_a_proxy.read_until("# EOF\n"), StartsWith("HTTP/1.1 200 "));
}

TEST_F(http_server_test, does_not_wait_for_a_request_that_does_not_come) {
    limits.request = 300ms;
    start();
    client silent(path), slow(path);
    slow.send("GET /met");
    EXPECT_EQ(silent.read_to_end(), "");
    EXPECT_EQ(slow.read_to_end(), "");
}

// An answer that fits into no socket buffer, and nobody reads.
TEST_F(http_server_test, lets_a_reader_that_does_not_read_wait_for_itself_alone) {
    limits.response = 2s; // enough for a slow machine to make and to read the answer
    sessions = 1000;
    start();
    std::vector<std::unique_ptr<client>> lazy;
    for (std::size_t n = 0; n < limits.connections; ++n) {
        lazy.push_back(std::make_unique<client>(path));
        lazy.back()->get();
    }
    std::string answer;
    const auto end = std::chrono::steady_clock::now() + 6 * most_patience;
    while (!answer.starts_with("HTTP/1.1 200 ") && std::chrono::steady_clock::now() < end) {
        client one(path);
        one.try_to_get();
        answer = one.read_until("# EOF\n");
    }
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 ")) << "when the lazy ones have been cut off";
    EXPECT_EQ(lazy.front()->read_to_end().find("# EOF\n"), std::string::npos);
}

TEST_F(http_server_test, has_room_for_so_many) {
    limits.connections = 2;
    start();
    client first(path), second(path);
    first.get();
    second.get();
    EXPECT_THAT(first.read_until("# EOF\n"), StartsWith("HTTP/1.1 200 "));
    EXPECT_THAT(second.read_until("# EOF\n"), StartsWith("HTTP/1.1 200 "));
    client third(path);
    EXPECT_THAT(third.read_to_end(), StartsWith("HTTP/1.1 503 "));
    first.get();
    EXPECT_THAT(first.read_until("# EOF\n"), StartsWith("HTTP/1.1 200 "));
}

TEST_F(http_server_test, makes_one_text_for_all_who_ask_at_a_time) {
    takes = 100ms;
    limits.age = 60s;
    start();
    client first(path), second(path), third(path);
    first.get();
    second.get();
    for (auto* const each : {&first, &second})
        EXPECT_THAT(each->read_until("# EOF\n"), StartsWith("HTTP/1.1 200 "));
    third.get();
    EXPECT_THAT(third.read_until("# EOF\n"), StartsWith("HTTP/1.1 200 "));
    EXPECT_EQ(observations, 1);
}

TEST_F(http_server_test, says_so_when_the_sessions_do_not_answer) {
    is_stuck = true;
    start();
    client one(path);
    one.get();
    EXPECT_THAT(one.read_to_end(), StartsWith("HTTP/1.1 503 "));
    is_stuck = false;
    client two(path);
    two.get();
    EXPECT_THAT(two.read_until("# EOF\n"), StartsWith("HTTP/1.1 200 "));
}

} // namespace
} // namespace iscsid::metrics

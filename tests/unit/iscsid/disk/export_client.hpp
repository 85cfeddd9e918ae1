#pragma once

#include "libiscsi/base/bytes.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace test {

using bytes = std::vector<std::byte>;

// A plain NBD client, one request at a time. A server that does not answer looks like one that has
// closed, after 20 s. The numbers are those of proto.md.
class export_client {
  public:
    struct shown {
        std::uint64_t size = 0;
        unsigned flags = 0;
        std::uint32_t block_size = 0;
        std::uint32_t preferred = 0;
        std::uint32_t largest = 0;
    };

    explicit export_client(const std::string& path)
        : socket_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        const timeval patience{20, 0};
        ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        path.copy(address.sun_path, sizeof address.sun_path - 1);
        is_connected_ =
            ::connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
    }

    ~export_client() { leave_rudely(); }

    export_client(const export_client&) = delete;
    export_client& operator=(const export_client&) = delete;
    export_client(export_client&&) = delete;
    export_client& operator=(export_client&&) = delete;

    bool is_connected() const { return is_connected_; }

    void leave_rudely() {
        if (socket_ >= 0)
            ::close(std::exchange(socket_, -1));
    }

    bool has_something_within(std::chrono::milliseconds limit) const {
        pollfd what{socket_, POLLIN, 0};
        return ::poll(&what, 1, static_cast<int>(limit.count())) > 0;
    }

    // True: the server has closed.
    bool is_cut_off() const {
        std::byte any{};
        ssize_t count = 1;
        while (count > 0)
            count = receive_some({&any, 1});
        return count == 0 || errno == ECONNRESET;
    }

    bool send(const bytes& what) const {
        return ::send(socket_, what.data(), what.size(), MSG_NOSIGNAL) ==
               static_cast<ssize_t>(what.size());
    }

    // Less than `size` when the server has closed.
    bytes receive(std::size_t size) const {
        bytes got(size);
        std::size_t filled = 0;
        while (filled < size) {
            const auto count = receive_some(std::span(got).subspan(filled));
            if (count <= 0)
                break;
            filled += static_cast<std::size_t>(count);
        }
        got.resize(filled);
        return got;
    }

    // NBD_OPT_GO, with `more` in the same message. False: the server does not let it in.
    bool go(std::string_view name = {}, const bytes& more = {}) {
        bytes data;
        add(data, 4, name.size());
        add(data, name);
        add(data, 2, 0);
        bytes all;
        add(all, 4, 1); // fixed newstyle
        add(all, "IHAVEOPT");
        add(all, 4, 7);
        add(all, 4, data.size());
        all.insert(all.end(), data.begin(), data.end());
        all.insert(all.end(), more.begin(), more.end());
        return receive(18).size() == 18 && send(all) && receive_infos();
    }

    const shown& info() const { return info_; }

    static bytes
    request(unsigned type, std::uint64_t offset = 0, std::size_t length = 0, unsigned flags = 0) {
        bytes header;
        add(header, 4, 0x25609513);
        add(header, 2, flags);
        add(header, 2, type);
        add(header, 8, 77);
        add(header, 8, offset);
        add(header, 4, length);
        return header;
    }

    // All four: the error of the reply, -1 when there is none.
    int read(std::uint64_t offset, bytes& into) const {
        if (!send(request(0, offset, into.size())))
            return -1;
        const int error = reply();
        if (error == 0)
            into = receive(into.size());
        return error;
    }

    int write(std::uint64_t offset, const bytes& from) const {
        return send(request(1, offset, from.size())) && send(from) ? reply() : -1;
    }

    int flush() const { return send(request(3)) ? reply() : -1; }

    int trim(std::uint64_t offset, std::size_t length) const {
        return send(request(4, offset, length)) ? reply() : -1;
    }

    void disconnect() const { send(request(2)); }

    int reply() const {
        const auto header = receive(16);
        return header.size() == 16 ? static_cast<int>(iscsi::load_be32(&header[4])) : -1;
    }

  private:
    ssize_t receive_some(iscsi::mutable_bytes into) const {
        ssize_t count = -1;
        do // io_uring interrupts calls of all threads
            count = ::recv(socket_, into.data(), into.size(), 0);
        while (count < 0 && errno == EINTR);
        return count;
    }

    static void add(bytes& to, std::size_t size, std::uint64_t number) {
        while (size-- > 0)
            to.push_back(static_cast<std::byte>(number >> (8 * size)));
    }

    static void add(bytes& to, std::string_view text) {
        for (const char each : text)
            to.push_back(static_cast<std::byte>(each));
    }

    bool receive_infos() {
        while (true) {
            const auto header = receive(20);
            if (header.size() < 20)
                return false;
            const auto type = iscsi::load_be32(&header[12]);
            const auto data = receive(iscsi::load_be32(&header[16]));
            if (type != 3) // NBD_REP_INFO
                return type == 1;
            note(data);
        }
    }

    void note(const bytes& data) {
        if (data.size() == 12 && iscsi::load_be16(data.data()) == 0) {
            info_.size = iscsi::load_be64(&data[2]);
            info_.flags = iscsi::load_be16(&data[10]);
        }
        if (data.size() == 14 && iscsi::load_be16(data.data()) == 3) {
            info_.block_size = iscsi::load_be32(&data[2]);
            info_.preferred = iscsi::load_be32(&data[6]);
            info_.largest = iscsi::load_be32(&data[10]);
        }
    }

    int socket_;
    bool is_connected_ = false;
    shown info_;
};

} // namespace test

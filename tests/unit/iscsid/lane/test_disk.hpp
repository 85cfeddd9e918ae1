#pragma once

#include "iscsid/lane/lane.hpp"

#include <sys/eventfd.h>
#include <unistd.h>

#include <array>
#include <functional>
#include <future>
#include <map>
#include <mutex>

namespace iscsid::lane::test {

// A driver's queue as small as can be: other threads ask, a bell on the ring wakes it, and each
// request's end fulfils a promise.
class test_disk final : public lane_resident, public request_owner, private ring_client {
  public:
    test_disk() : bell_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {}

    ~test_disk() override { ::close(bell_); }

    test_disk(const test_disk&) = delete;
    test_disk& operator=(const test_disk&) = delete;
    test_disk(test_disk&&) = delete;
    test_disk& operator=(test_disk&&) = delete;

    // Any thread.
    std::future<int> submit(block_request request) {
        std::promise<int> end;
        auto result = end.get_future();
        {
            const std::scoped_lock guard(lock_);
            request.tag = next_tag_++;
            ends_.emplace(request.tag, std::move(end));
        }
        on_lane([this, request] { send(request); });
        return result;
    }

    // Runs on the lane's thread, while the disk is attached.
    void on_lane(std::function<void()> work) {
        {
            const std::scoped_lock guard(lock_);
            work_.push_back(std::move(work));
        }
        ::eventfd_write(bell_, 1);
    }

    lun_port& port() { return *port_; }

    ring& io() { return *io_; }

    void start(ring& io, lun_port& port) override {
        io_ = &io;
        port_ = &port;
        io_->read(bell_, count_, *this, 0);
    }

    void leave(std::function<void()> gone) override {
        gone_ = std::move(gone);
        io_->cancel(*this, 0);
    }

    void complete(std::uint64_t tag, int error) override {
        std::promise<int> end;
        {
            const std::scoped_lock guard(lock_);
            end = std::move(ends_.extract(tag).mapped());
        }
        --under_way_;
        end.set_value(error);
        leave_when_quiet();
    }

  private:
    void send(const block_request& request) {
        ++under_way_;
        port_->submit(request, *this);
    }

    void ring_done(std::uint32_t /*operation*/, std::int32_t /*result*/) override {
        std::vector<std::function<void()>> work;
        {
            const std::scoped_lock guard(lock_);
            work.swap(work_);
        }
        for (const auto& each : work)
            each();
        if (gone_)
            listening_ = false;
        else
            io_->read(bell_, count_, *this, 0);
        leave_when_quiet();
    }

    void leave_when_quiet() {
        if (gone_ && !listening_ && under_way_ == 0)
            std::exchange(gone_, nullptr)();
    }

    int bell_;
    std::array<std::byte, 8> count_{};
    ring* io_ = nullptr;
    lun_port* port_ = nullptr;
    bool listening_ = true;
    std::size_t under_way_ = 0;
    std::function<void()> gone_;

    std::mutex lock_;
    std::uint64_t next_tag_ = 0;
    std::map<std::uint64_t, std::promise<int>> ends_;
    std::vector<std::function<void()>> work_;
};

} // namespace iscsid::lane::test

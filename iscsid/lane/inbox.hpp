#pragma once

#include "iscsid/lane/ring.hpp"

#include <array>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

namespace iscsid::lane {

// What other threads ask of a lane, in the order of their asking. Messages are rare.
// The only way from other threads into a lane, and so the only lock. It is held for a push or a
// swap, never while a message is handled.
class inbox final : public ring_client {
  public:
    inbox(); // throws std::system_error without a file descriptor
    ~inbox() override;
    inbox(const inbox&) = delete;
    inbox& operator=(const inbox&) = delete;
    inbox(inbox&&) = delete;
    inbox& operator=(inbox&&) = delete;

    // Any thread. `work` is called once on the lane's thread; it may be move-only.
    template <class Work>
    void post(Work work) {
        put(std::make_unique<message_of<Work>>(std::move(work)));
    }

    // The lane's thread: from now on messages end its turns; until close(), which takes effect in
    // a later turn.
    void open(ring& io);
    void close();

    bool is_open() const { return open_; }

    void ring_done(std::uint32_t operation, std::int32_t result) override;

  private:
    struct message {
        virtual ~message() = default;
        virtual void handle() = 0;
    };

    template <class Work>
    struct message_of final : message {
        explicit message_of(Work what) : work(std::move(what)) {}

        void handle() override { work(); }

        Work work;
    };

    void put(std::unique_ptr<message> what);
    void listen();

    std::mutex lock_;
    std::vector<std::unique_ptr<message>> waiting_; // guarded by lock_
    std::vector<std::unique_ptr<message>> handling_;
    ring* io_ = nullptr;
    bool open_ = false;
    bool closing_ = false;
    int bell_; // an eventfd
    std::array<std::byte, 8> rings_{};
};

} // namespace iscsid::lane

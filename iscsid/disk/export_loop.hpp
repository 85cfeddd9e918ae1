#pragma once

#include "iscsid/os/descriptor.hpp"

#include "libiscsi/base/result.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <thread>
#include <utility>
#include <vector>

namespace iscsid::disk {

// One thread for the servers of all LUNs: it waits for their sockets, their deadlines and what
// other threads leave for them, and gives each server its turn, which never blocks. Then a LUN
// costs no thread, and no descriptor but its socket.
//
//   make() → enter() → turns → leave(), or the end of the loop
//
// Functions are for the loop's thread unless said otherwise.
class export_loop {
  public:
    using clock = std::chrono::steady_clock;

    // One that has turns: whenever a descriptor of its is ready, or its time has come.
    class member {
      public:
        virtual void turn() = 0;

      protected:
        member() = default;
        ~member() = default;
        member(const member&) = default;
        member& operator=(const member&) = default;
        member(member&&) = default;
        member& operator=(member&&) = default;
    };

    // What other threads leave for the loop, which may have ended by then: they keep it.
    class inbox {
      public:
        // On any thread; runs on the loop's, in the order of the calls. At the end of the loop what
        // has not run is destroyed, and what comes later at once.
        void post(std::function<void()> work);

      private:
        friend export_loop;

        std::vector<std::function<void()>> take();
        std::vector<std::function<void()>> close();

        os::descriptor bell_;
        std::mutex guard_;
        std::vector<std::function<void()>> mail_;
        bool is_closed_ = false;
    };

    // Both on any other thread: the end waits for the turn under way. Throws when the system has no
    // thread or memory. Faults: disk_errc::attach_failed.
    static iscsi::result<std::shared_ptr<export_loop>> make();
    ~export_loop();
    export_loop(const export_loop&) = delete;
    export_loop& operator=(const export_loop&) = delete;
    export_loop(export_loop&&) = delete;
    export_loop& operator=(export_loop&&) = delete;

    // On any thread.
    const std::shared_ptr<inbox>& mail() const { return inbox_; }

    void enter(member& who);
    void leave(member& who); // no turns from now on

    // Turns when one of these events (EPOLLIN, …) is there, and goes on to be; 0: none but errors.
    // False, with errno: the kernel has no room for it. forget() comes before the close.
    bool watch(const member& who, int descriptor, std::uint32_t events);
    void forget(int descriptor);

    // A turn then; none: whatever was wanted before holds no more.
    void wake_at(member& who, std::optional<clock::time_point> when);

  private:
    using number = std::uint64_t; // never used again: an event may come after the member has left

    struct place {
        member* who = nullptr;
        std::optional<clock::time_point> wakes_at{};
    };

    explicit export_loop(os::descriptor poll);

    void run();
    std::set<number> wait();
    int time_to_wait() const;
    void add_those_due(std::set<number>& to) const;

    os::descriptor poll_;
    std::shared_ptr<inbox> inbox_ = std::make_shared<inbox>();
    bool is_ending_ = false;
    number last_ = 0;
    std::map<number, place> places_;
    std::map<const member*, number> numbers_;
    std::set<std::pair<clock::time_point, number>> alarms_;
    std::thread thread_;
};

} // namespace iscsid::disk

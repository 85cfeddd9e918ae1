#pragma once

#include <cstddef>
#include <list>
#include <memory>
#include <utility>

namespace iscsid::disk {

class byte_share;

// How many bytes of payload the connections of one lane may have under way together: clients send
// as fast as they like, and what they have asked for lies in the memory of a daemon that nothing
// may end. A LUN takes its part through a byte_share.
//
// Nobody takes it all, for a client may keep what it has asked for as long as it likes:
// - a LUN that holds less than `always` is given what it asks for, whatever the others hold, so
//   that the clients of one LUN are not held up by those of another;
// - a connection that holds something leaves as much free as it has, so that many which do not
//   read make each other's part smaller, not that of those who come later nothing.
// So all may be `bytes`, and `always` with one request more for each LUN.
//
// On the lane's thread, but for the constructor and the destructor.
class byte_budget {
  public:
    // One who waits for room. Ends its wait with byte_share::forget() before it ends itself.
    class client {
      public:
        virtual void room_again() = 0; // to be asked for anew

      protected:
        client() = default;
        ~client() = default;
        client(const client&) = default;
        client& operator=(const client&) = default;
        client(client&&) = default;
        client& operator=(client&&) = default;
    };

    byte_budget(std::size_t bytes, std::size_t always) : bytes_(bytes), always_(always) {}

  private:
    friend byte_share;

    struct waiter {
        client* who;
        const byte_share* of;
    };

    bool take(std::size_t bytes, std::size_t held, const waiter& by);
    void give_back(std::size_t bytes);
    void forget(const client& who);

    bool has_room(std::size_t bytes, std::size_t held) const;
    bool is_small(const byte_share& of) const;
    std::list<waiter>::iterator next_to_tell();

    const std::size_t bytes_;
    const std::size_t always_;
    std::size_t taken_ = 0;
    std::list<waiter> waiting_;
    const client* next_ = nullptr; // whose turn it is
    bool tells_ = false;
};

// What the connections of one LUN have of the budget, which it keeps. On the lane's thread, but for
// the constructor and the destructor; outlives those who wait for it.
class byte_share {
  public:
    explicit byte_share(std::shared_ptr<byte_budget> of) : all_(std::move(of)) {}

    // `held`: what `who` has already. False: there is no room, or others wait for it. One who holds
    // nothing is told when there is; another asks again when something of its own has ended. More
    // than the whole budget is given to one who is alone.
    bool take(std::size_t bytes, std::size_t held, byte_budget::client& who);

    // Without a question: what every connection may have, so that none waits for others alone.
    void take_anyway(std::size_t bytes);

    void give_back(std::size_t bytes);

    void forget(const byte_budget::client& who) { all_->forget(who); }

  private:
    friend byte_budget;

    const std::shared_ptr<byte_budget> all_;
    std::size_t taken_ = 0;
};

} // namespace iscsid::disk

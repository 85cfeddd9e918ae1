#pragma once

#include <cstddef>
#include <list>

namespace iscsid::disk {

// How many bytes of payload the connections of one lane may have under way together: clients send
// as fast as they like, and what they have asked for lies in the memory of a daemon that nothing
// may end. All of it on the lane's thread, but for the constructor and the destructor.
class byte_budget {
  public:
    // One who waits for room. Ends its wait with forget() before it ends itself.
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

    explicit byte_budget(std::size_t bytes) : bytes_(bytes) {}

    // False: there is no room, or others wait for it already; `who` is told when there is. More
    // than the whole budget is given to one who is alone.
    bool take(std::size_t bytes, client& who);

    // Without a question: what every connection may have, so that none waits for others alone.
    void take_anyway(std::size_t bytes) { taken_ += bytes; }

    void give_back(std::size_t bytes);
    void forget(const client& who);

  private:
    bool has_room(std::size_t bytes) const { return taken_ == 0 || taken_ + bytes <= bytes_; }

    const std::size_t bytes_;
    std::size_t taken_ = 0;
    std::list<client*> waiting_;
    const client* next_ = nullptr; // whose turn it is
    bool tells_ = false;
};

} // namespace iscsid::disk

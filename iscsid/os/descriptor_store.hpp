#pragma once

#include "iscsid/os/descriptor.hpp"

#include <string>

namespace iscsid::os {

// Holds open files, by name, from the end of one daemon to the start of the next: what the kernel
// ends with the last descriptor of a file goes on then. Any thread, at the same time.
class descriptor_store {
  public:
    virtual ~descriptor_store() = default;
    descriptor_store() = default;
    descriptor_store(const descriptor_store&) = delete;
    descriptor_store& operator=(const descriptor_store&) = delete;
    descriptor_store(descriptor_store&&) = delete;
    descriptor_store& operator=(descriptor_store&&) = delete;

    // Whether a next daemon gets what is in it. False once this one ends for good.
    virtual bool is_kept() const = 0;

    // Waits until the file is held. False: it is not.
    virtual bool keep(const std::string& name, const descriptor& file) = 0;

    virtual bool has(const std::string& name) const = 0;

    // What an earlier daemon has put there, once; it stays in the store.
    virtual descriptor take(const std::string& name) = 0;

    // Nothing of that name is held any more.
    virtual void drop(const std::string& name) = 0;
};

} // namespace iscsid::os

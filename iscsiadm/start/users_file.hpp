#pragma once

#include "libiscsi/base/result.hpp"

#include <filesystem>
#include <string_view>

namespace iscsi::start {

// Which of the iscsistarts that run side by side use the daemon, and which of its records: shared
// OFD locks, one byte for each thing, which end with their process. Two things may have one byte:
// then the first of them counts as used as long as the other is.
class users_file {
  public:
    // Makes the file, for root alone. Faults: file_errc::write_failed.
    static result<users_file> open(const std::filesystem::path& file);

    users_file(users_file&& other) noexcept;
    users_file& operator=(users_file&&) = delete;
    ~users_file();

    void use(std::string_view what) const;

    // Uses it no more. True: nobody else does. Only for who keeps others from starting to use it.
    bool leave(std::string_view what) const;

  private:
    explicit users_file(int file) : file_(file) {}

    int file_;
};

} // namespace iscsi::start

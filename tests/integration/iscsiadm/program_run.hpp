#pragma once

#include <sys/types.h>

#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace iscsi::cli {

// A program with its own environment; what it prints goes to two files in a folder.
class program_run {
  public:
    program_run(
        const std::filesystem::path& folder,
        std::vector<std::string> words,
        const std::map<std::string, std::string>& environment
    );
    program_run(const program_run&) = delete;
    program_run& operator=(const program_run&) = delete;
    ~program_run();

    // The exit code; 128 + signal when a signal ended it, -1 when it does not end in a minute.
    int wait();
    void signal(int number) const;

    std::string out() const;
    std::string err() const;

  private:
    std::filesystem::path out_, err_;
    pid_t pid_ = -1;
};

} // namespace iscsi::cli

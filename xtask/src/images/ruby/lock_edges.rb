# Prints the gems of a lockfile and its edges, as Bundler reads it: "gem", or "from to", one a line.
require "bundler"
gems = Bundler::LockfileParser.new(File.read("/srv/app/Gemfile.lock")).specs
gems.each do |gem|
  puts "#{gem.name}@#{gem.version}"
  gem.dependencies.each do |dependency|
    needed = gems.find { |other| other.name == dependency.name } or next
    puts "#{gem.name}@#{gem.version} #{needed.name}@#{needed.version}"
  end
end

# frozen_string_literal: true

# follow.rb ENDPOINT - dalli with the list that a few lines of ours read.
#
# Says what follow.js says. The endpoint is asked before each round; a change makes a new client.

require 'dalli'
require 'digest'
require 'socket'

KEYS = (0...120).map { |i| "follow:#{Digest::SHA1.hexdigest("#{Process.pid} #{i}")}" }
PAUSE_S = 0.05

# The answer to one request, up to its END.
def ask(host, port, request)
  Socket.tcp(host, port, connect_timeout: 10) do |connection|
    connection.write(request)
    answer = +''
    answer << connection.readpartial(65_536) until answer.end_with?("END\r\n")
    return answer
  end
end

# The nodes of the cluster: "ip:port", in the order of the list.
def discover(endpoint)
  host, port = endpoint.split(':')
  list = ask(host, port.to_i, "config get cluster\r\n").split("\n")[2]
  list.split.map { |member| member.split('|')[1, 2].join(':') }
end

def play_round(client, nodes, text)
  KEYS.each { |key| raise "#{key} was not stored" unless client.set(key, text) }
  KEYS.each do |key|
    value = client.get(key)
    raise "got '#{value}', expected '#{text}'" unless value == text
  end
  nodes.each do |node|
    host, port = node.split(':')
    raise "no key lies at #{node}" unless ask(host, port.to_i, "get #{KEYS.join(' ')}\r\n").include?('VALUE')
  end
end

$stdout.sync = true
nodes = client = told = nil
(1..).each do |number|
  before = discover(ARGV[0])
  if before != nodes
    client&.close
    nodes = before
    client = Dalli::Client.new(nodes, socket_timeout: 6, raw: true, failover: false)
  end
  failure = nil
  begin
    play_round(client, nodes, "dalli #{number}")
  rescue StandardError => e
    failure = e
  end
  if discover(ARGV[0]) == nodes
    if failure
      puts "failed #{failure} with #{nodes}"
    elsif told != nodes
      told = nodes
      puts "nodes #{nodes.size} #{nodes.sort.join(',')}"
    end
  end
  sleep PAUSE_S
end
